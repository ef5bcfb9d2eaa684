-- Which showings of a widget's button were pressed: what is sent twice is done once, for it may move money.
create table widget_presses (
  account_id bigint not null,
  nonce uuid not null,
  button text not null,
  ticket_id bigint not null,
  user_id bigint,
  created_datetime timestamptz not null,
  primary key (account_id, nonce, button),
  foreign key (account_id, ticket_id) references tickets on delete cascade
);
create index widget_presses_ticket on widget_presses (account_id, ticket_id);

-- By which orders of shops customers are found: their names without the number sign, in lower case, with the account
-- in front, because the index cannot lead with it.
create function order_keys(account_id bigint, shops jsonb) returns text[] language sql immutable parallel safe as $$
  select coalesce(array_agg(account_id || ':' || lower(ltrim(left(name #>> '{}', 64), '#'))), '{}')
  from jsonb_path_query(shops, 'lax $.*.orders[*].name') as name
$$;
create index customers_orders on customers using gin (order_keys(account_id, integrations)) where integrations <> '{}';
