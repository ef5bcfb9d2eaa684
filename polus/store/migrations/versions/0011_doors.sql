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

-- By which provider the person came; null: with a password.
alter table sessions add column provider text;

-- When it was last seen that the person reads the mail of his address, or a provider vouched for it; null: never, or it is
-- another address since.
alter table users add column email_proven_datetime timestamptz;

-- Who somebody is at a provider: by this he is known when he comes again, whatever address he has there by then.
create table identities (
  account_id bigint not null,
  issuer text not null,
  subject text not null,
  user_id bigint not null,
  provider text not null,
  email text not null,
  created_datetime timestamptz not null,
  used_datetime timestamptz not null,
  primary key (account_id, issuer, subject),
  unique (account_id, user_id, issuer),
  foreign key (account_id, user_id) references users on delete cascade
);
