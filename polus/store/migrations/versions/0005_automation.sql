-- Automation by settings.
select 1;
