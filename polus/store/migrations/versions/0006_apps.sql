-- Apps: programs of others that people let into their account, and the keys that sign what they are given.
-- An app belongs to the account of whoever wrote it, but it has one name, its client id, in the whole installation:
-- hence `apps` and `app_versions` are found by that id. Whatever an app may do somewhere is in tables led by account_id.

create table apps (
  id text primary key check (id ~ '^[0-9a-f]{24}$'),
  account_id bigint not null references accounts on delete cascade,
  -- SHA-256 of the client secret, which is shown once
  secret_hash bytea not null,
  created_datetime timestamptz not null
);
create index apps_account on apps (account_id, created_datetime, id);

-- What others see is an approved version; the writer's own account sees the newest of all.
create table app_versions (
  app_id text not null references apps on delete cascade,
  number int not null,
  status text not null default 'draft' check (status in ('draft', 'submitted', 'approved', 'returned', 'recalled')),
  name text not null,
  tagline text not null default '',
  description text not null default '',
  -- a small PNG or JPEG, made anew from what was uploaded
  icon bytea,
  app_url text not null,
  redirect_urls text[] not null,
  -- points of the quality list that the writer says are kept
  checklist text[] not null default '{}',
  test_instructions text not null default '',
  test_account text not null default '',
  -- why it was sent back
  reason text,
  created_datetime timestamptz not null,
  updated_datetime timestamptz not null,
  submitted_datetime timestamptz,
  reviewed_datetime timestamptz,
  primary key (app_id, number)
);
-- At most one version is being worked on.
create unique index app_versions_open on app_versions (app_id) where status in ('draft', 'submitted', 'returned');
create index app_versions_submitted on app_versions (submitted_datetime) where status = 'submitted';
create index app_versions_approved on app_versions (app_id, number) where status = 'approved';

-- What a user has let an app do. Without it there are neither codes nor tokens.
create table app_connections (
  account_id bigint not null,
  app_id text not null references apps on delete cascade,
  user_id bigint not null,
  scopes text[] not null,
  created_datetime timestamptz not null,
  updated_datetime timestamptz not null,
  primary key (account_id, app_id, user_id),
  foreign key (account_id, user_id) references users on delete cascade
);
create index app_connections_user on app_connections (account_id, user_id);
create index app_connections_app on app_connections (app_id);

create table oauth_codes (
  account_id bigint not null,
  -- SHA-256 of the code
  hash bytea not null,
  app_id text not null,
  user_id bigint not null,
  scopes text[] not null,
  redirect_uri text not null,
  nonce text,
  -- PKCE, always S256
  challenge text,
  -- when the user logged in
  auth_datetime timestamptz not null,
  expires_datetime timestamptz not null,
  primary key (account_id, hash),
  foreign key (account_id, app_id, user_id) references app_connections on delete cascade
);
create index oauth_codes_connection on oauth_codes (account_id, app_id, user_id);
create index oauth_codes_expires on oauth_codes (expires_datetime);

create table oauth_tokens (
  account_id bigint not null,
  -- SHA-256 of the token
  hash bytea not null,
  kind text not null check (kind in ('access', 'refresh')),
  app_id text not null,
  user_id bigint not null,
  scopes text[] not null,
  -- SHA-256 of the code it goes back to: a code that comes twice takes all of them away
  code_hash bytea not null,
  auth_datetime timestamptz not null,
  created_datetime timestamptz not null,
  -- refresh tokens have no end
  expires_datetime timestamptz,
  primary key (account_id, hash),
  foreign key (account_id, app_id, user_id) references app_connections on delete cascade
);
create index oauth_tokens_connection on oauth_tokens (account_id, app_id, user_id);
create index oauth_tokens_code on oauth_tokens (account_id, code_hash);
create index oauth_tokens_expires on oauth_tokens (expires_datetime) where expires_datetime is not null;

-- Keys that sign tokens, of the whole installation; the private half is sealed with the installation's secret.
create table signing_keys (
  kid text primary key,
  sealed text not null,
  created_datetime timestamptz not null
);

-- Seconds in which a full bucket of requests runs out: twice as fast for accounts that need it.
alter table accounts add column api_window int not null default 20 check (api_window in (10, 20));

-- Requests per day and credential ("key:7", "app:<client id>"), counted in the processes and added up now and then.
create table api_usage (
  account_id bigint not null references accounts on delete cascade,
  credential text not null,
  day date not null,
  requests bigint not null default 0,
  -- of these: over the limit
  refused bigint not null default 0,
  used_datetime timestamptz not null,
  primary key (account_id, credential, day)
);
create index api_usage_day on api_usage (day);
create index integrations_application on integrations (account_id, application_id) where application_id is not null;
create index widgets_app on widgets (account_id, app_id) where app_id is not null;
