-- Facts of the statistics.
select 1;
