-- The workspace.
select 1;
