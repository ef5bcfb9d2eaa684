-- Applications.
select 1;
