-- HTTP integrations and shops.
select 1;
