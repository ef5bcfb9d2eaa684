-- Rules and macros.
select 1;
