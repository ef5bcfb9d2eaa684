-- The mail servers of an e-mail address: `way` 'in' is the mailbox that is fetched, 'out' the server that its mails are
-- handed to. What is in here of secrets is sealed (base.crypto.Vault).
create table mail_servers (
  account_id bigint not null,
  integration_id bigint not null,
  way text not null check (way in ('in', 'out')),
  host text not null,
  port int not null check (port between 1 and 65535),
  security text not null check (security in ('tls', 'starttls', 'none')),
  username text not null default '',
  -- 'same': the login of the mailbox, for the server that sends
  auth text not null check (auth in ('none', 'password', 'oauth2', 'same')),
  -- sealed JSON: {"password"} or {"client_id", "client_secret", "refresh_token"}; of a mailbox that was connected at a
  -- provider {"refresh_token", "method"}, null after it was disconnected
  secret text,
  -- where it was connected (registrations.provider); null: filled in by hand
  provider text,
  token_url text,
  scope text,
  -- sealed; good until `access_until`. Who asks for a new one says until when others wait for it.
  access_token text,
  access_until timestamptz,
  refreshing_until timestamptz,
  -- whether address+anything arrives in the mailbox, so that answers may carry their ticket's token
  tagged boolean not null default false,
  -- How it is. 'new': not tried yet; 'well'; 'trouble': `error_code` and `error_facts` say what (channels.email.troubles);
  -- `error` is that in English.
  state text not null default 'new' check (state in ('new', 'well', 'trouble')),
  active_datetime timestamptz,
  error_code text,
  error text,
  error_facts jsonb,
  error_datetime timestamptz,
  failures int not null default 0,
  -- of a mailbox: when it may be connected to again, and by which worker it is now (store.presence)
  due_datetime timestamptz not null default now(),
  worker int,
  claimed_datetime timestamptz,
  created_datetime timestamptz not null,
  updated_datetime timestamptz not null,
  primary key (account_id, integration_id, way),
  foreign key (account_id, integration_id) references integrations on delete cascade
);
create index mail_servers_due on mail_servers (due_datetime) where way = 'in';

-- The folders of a mailbox that are fetched, each with how far it is: mails up to `last_uid` are in the journal.
create table mail_folders (
  account_id bigint not null,
  integration_id bigint not null,
  way text not null default 'in' check (way = 'in'),
  name text not null,
  place int not null,
  -- null: not looked at yet
  uid_validity bigint,
  last_uid bigint,
  -- After the server numbered the mails anew: only those it has had since this day are looked at once more.
  since date,
  -- when it was last up to date
  seen_datetime timestamptz,
  -- a mail that the server does not hand over, and how often it was asked
  stuck_uid bigint,
  stuck int not null default 0,
  -- History, when asked for: mails of this day and later, from `history_uid` on up to `history_top`.
  history_since date,
  history_uid bigint,
  history_top bigint,
  history_count int not null default 0,
  primary key (account_id, integration_id, name),
  foreign key (account_id, integration_id, way) references mail_servers on delete cascade
);

-- Of fetched mails: a digest, by which one that the server shows again is known; when the server got it; and whether it
-- is history, which calls no rule.
alter table mails add column digest bytea, add column dated_datetime timestamptz,
  add column history boolean not null default false;
create index mails_digest on mails (account_id, integration_id, digest) where digest is not null;
create index mails_history on mails (account_id) where state = 'received' and history;

-- Mails of one ticket go out in the order they were written.
alter table deliveries add column ticket_id bigint;
create index deliveries_line on deliveries (account_id, ticket_id, message_id);

-- What an administrator registered at providers of OAuth2 and OpenID Connect, for mailboxes and for logging in.
create table registrations (
  account_id bigint not null references accounts on delete cascade,
  provider text not null check (provider in ('google', 'microsoft', 'own')),
  name text not null,
  client_id text not null,
  -- sealed
  client_secret text not null,
  -- of Microsoft: the only tenant, when there is one; of an own provider: its issuer, and what mail needs
  tenant text not null default '',
  issuer text not null default '',
  mail_scope text not null default '',
  updated_datetime timestamptz not null,
  primary key (account_id, provider)
);

-- Somebody is at a provider just now and will come back with its answer, once. Kept as hashes: the `state` that goes
-- with him, and the cookie of the browser that he left with.
create table consents (
  account_id bigint not null references accounts on delete cascade,
  hash bytea not null,
  bearer bytea not null,
  -- sealed: what it is for, and what the answer will be held against
  asked text not null,
  expires_datetime timestamptz not null,
  primary key (account_id, hash)
);
create index consents_expired on consents (expires_datetime);
