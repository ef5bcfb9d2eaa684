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
