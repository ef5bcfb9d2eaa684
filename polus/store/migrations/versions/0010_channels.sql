-- Channels.
select 1;
