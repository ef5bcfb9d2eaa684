-- How people get in when the usual way is closed, and where they are logged in.

create table recovery_codes (
  account_id bigint not null,
  user_id bigint not null,
  -- SHA-256; each code opens once and is deleted then
  hash bytea not null,
  primary key (account_id, user_id, hash),
  foreign key (account_id, user_id) references users on delete cascade
);

-- What the browser calls itself, and when it was last here: for its owner, who may not know it.
alter table sessions add column client text not null default '';
alter table sessions add column seen_datetime timestamptz;
