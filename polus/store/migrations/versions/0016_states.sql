-- What the page of channels asks of each integration, each answer by an index: its newest messages each way, what waits,
-- what could not be processed.
create index messages_integration on messages (account_id, integration_id, from_agent, created_datetime)
  where integration_id is not null;
create index mails_waiting on mails (account_id, integration_id, id) where state = 'received';
create index mails_parked on mails (account_id, integration_id, id) where state = 'parked';
create index deliveries_created on deliveries (account_id, created_datetime);
create index shop_arrivals_integration on shop_arrivals (account_id, integration_id, id);
create index shop_arrivals_waiting on shop_arrivals (account_id, integration_id, id) where state = 'received';
create index http_deliveries_due on http_deliveries (due_datetime) where due_datetime is not null;
create index outbox_deliver on outbox (due_datetime) where reaction = 'deliver';
create index outbox_deliver_account on outbox (account_id, due_datetime) where reaction = 'deliver';
