-- Facts of the statistics: narrow rows, each with all that it is grouped and narrowed by, kept by triggers in the
-- transaction of their cause. What a ticket's facts are is said once, by the functions below: they compute them anew
-- from tickets, messages and history and write what differs. Changes and `polus stats rebuild` call the same ones.

-- What events said of tickets, kept when they are gone after twelve months.
-- kind: close, open, assign, unassign; team: it was given to one; tag and field: the item was put on, its value was set.
create table fact_history (
  account_id bigint not null,
  ticket_id bigint not null,
  event_id bigint not null,
  kind text not null,
  item bigint not null default 0,
  user_id bigint,
  moment timestamptz not null,
  primary key (account_id, ticket_id, event_id, item),
  foreign key (account_id, ticket_id) references tickets on delete cascade
);

-- Live tickets. Only they have facts: all others follow this row, also when it goes.
create table fact_tickets (
  account_id bigint not null,
  ticket_id bigint not null,
  -- the assignee now
  agent_id bigint, team_id bigint,
  channel text not null,
  -- of the first message that has one
  integration_id bigint,
  store_id bigint,
  created timestamptz not null,
  -- null while nothing public was said
  begun_by_agent boolean,
  primary key (account_id, ticket_id),
  foreign key (account_id, ticket_id) references tickets on delete cascade
);
create index fact_tickets_created on fact_tickets (account_id, created)
  include (ticket_id, agent_id, team_id, channel, integration_id, store_id, begun_by_agent);

-- Who had a ticket from when to when, and whether it was open.
create table fact_spans (
  account_id bigint not null,
  ticket_id bigint not null,
  begins timestamptz not null,
  ends timestamptz not null,
  is_open boolean not null,
  -- more than 31 days
  is_long boolean not null,
  agent_id bigint,
  -- who did what began it
  user_id bigint,
  team_id bigint,
  channel text not null,
  integration_id bigint,
  store_id bigint,
  created timestamptz not null,
  primary key (account_id, ticket_id, begins)
);
-- What was open at a moment is found without reading all that came before: either it began shortly before, or it is
-- one of the few that took long.
create index fact_spans_begins on fact_spans (account_id, begins)
  include (ends, ticket_id, agent_id, team_id, channel, integration_id, store_id, created) where is_open;
create index fact_spans_long on fact_spans (account_id, ends)
  include (begins, ticket_id, agent_id, team_id, channel, integration_id, store_id, created)
  where is_open and is_long;

-- Customers' messages (incoming) and agents' ones, not notes and not those of rules.
create table fact_messages (
  account_id bigint not null,
  ticket_id bigint not null,
  message_id bigint not null,
  incoming boolean not null,
  moment timestamptz not null,
  -- when it was written, which may be before it was sent
  written timestamptz not null,
  -- the sender; of what is incoming, the assignee at that moment
  agent_id bigint, team_id bigint,
  channel text not null,
  integration_id bigint,
  store_id bigint,
  message_channel text not null,
  message_integration_id bigint,
  created timestamptz not null,
  -- microseconds from the oldest unanswered customer message; where it is the first answer, and the first of a human,
  -- also from the first customer message (or the hand-over)
  response bigint, first_response bigint, human_response bigint,
  macro_ids bigint[],
  -- whether a human's answer; when the ticket was answered before this answer, by whomever and by the same sender:
  -- the first answers of a period are those without one in it
  human boolean not null,
  previous timestamptz, previous_own timestamptz,
  primary key (account_id, ticket_id, message_id)
);
create index fact_messages_questions on fact_messages (account_id, moment)
  include (ticket_id, agent_id, team_id, channel, integration_id, store_id, message_channel, message_integration_id,
    created) where incoming;
create index fact_messages_answers on fact_messages (account_id, moment)
  include (ticket_id, agent_id, team_id, channel, integration_id, store_id, message_channel, message_integration_id,
    created, response, first_response, human_response, human, previous, previous_own) where not incoming;
create index fact_messages_bots on fact_messages (account_id, moment) include (ticket_id, previous)
  where not incoming and not human;
-- Of a customer none is a human's answer, of agents' nearly all are: told apart, bots look rare, which they are.
create statistics fact_messages_senders (mcv) on incoming, human from fact_messages;
create index fact_messages_macros on fact_messages (account_id, moment) where macro_ids is not null;

-- Each time a ticket was closed or snoozed, and until when it stayed so.
create table fact_closes (
  account_id bigint not null,
  ticket_id bigint not null,
  moment timestamptz not null,
  ends timestamptz not null,
  agent_id bigint, team_id bigint,
  channel text not null,
  integration_id bigint,
  store_id bigint,
  created timestamptz not null,
  -- messages up to the close, and microseconds from the first customer message to it
  received int not null, sent int not null,
  resolution bigint,
  -- of those sent, humans'
  humans int not null,
  primary key (account_id, ticket_id, moment)
);
create index fact_closes_moment on fact_closes (account_id, moment)
  include (ends, ticket_id, agent_id, team_id, channel, integration_id, store_id, created, received, sent, resolution, humans);

-- What agents spent on a ticket up to a close, in microseconds.
create table fact_handlings (
  account_id bigint not null,
  ticket_id bigint not null,
  moment timestamptz not null,
  ends timestamptz not null,
  agent_id bigint not null,
  team_id bigint,
  channel text not null,
  integration_id bigint,
  store_id bigint,
  created timestamptz not null,
  spent bigint not null,
  primary key (account_id, ticket_id, moment, agent_id)
);
create index fact_handlings_moment on fact_handlings (account_id, moment)
  include (ends, ticket_id, agent_id, team_id, channel, integration_id, store_id, created, spent);

-- Tags on tickets, and values of their fields, by the moment in which they were put there last.
create table fact_tags (
  account_id bigint not null,
  ticket_id bigint not null,
  tag_id bigint not null,
  moment timestamptz not null,
  agent_id bigint, team_id bigint,
  channel text not null,
  integration_id bigint,
  store_id bigint,
  created timestamptz not null,
  -- of the tag that was put there before: the first ones of a period are those without one in it
  previous timestamptz,
  primary key (account_id, ticket_id, tag_id)
);
create index fact_tags_moment on fact_tags (account_id, moment)
  include (ticket_id, tag_id, agent_id, team_id, channel, integration_id, store_id, created, previous);

create table fact_values (
  account_id bigint not null,
  ticket_id bigint not null,
  field_id bigint not null,
  value text not null,
  moment timestamptz not null,
  agent_id bigint, team_id bigint,
  channel text not null,
  integration_id bigint,
  store_id bigint,
  created timestamptz not null,
  primary key (account_id, ticket_id, field_id)
);
create index fact_values_moment on fact_values (account_id, field_id, moment);

create table fact_surveys (
  account_id bigint not null,
  ticket_id bigint not null,
  survey_id bigint not null,
  sent timestamptz,
  scored timestamptz,
  score smallint,
  agent_id bigint, team_id bigint,
  channel text not null,
  integration_id bigint,
  store_id bigint,
  created timestamptz not null,
  primary key (account_id, ticket_id, survey_id)
);
create index fact_surveys_sent on fact_surveys (account_id, sent) where sent is not null;
create index fact_surveys_scored on fact_surveys (account_id, scored) where score is not null;

-- What pages in front of agents tell by their signals: who was there, and with which ticket. Intervals; the last one
-- of a user grows while signals come.
create table presences (
  account_id bigint not null,
  user_id bigint not null,
  begins timestamptz not null,
  ends timestamptz not null,
  primary key (account_id, user_id, begins),
  foreign key (account_id, user_id) references users on delete cascade
);
create index presences_ends on presences (account_id, ends) include (begins, user_id);

create table handlings (
  account_id bigint not null,
  ticket_id bigint not null,
  user_id bigint not null,
  begins timestamptz not null,
  ends timestamptz not null,
  primary key (account_id, ticket_id, user_id, begins),
  foreign key (account_id, ticket_id) references tickets on delete cascade,
  foreign key (account_id, user_id) references users on delete cascade
);
create index handlings_user on handlings (account_id, user_id, ends);

-- What automation did: closed a ticket that no human answered since it was opened (automated), or passed it on (handover).
create table fact_interactions (
  account_id bigint not null,
  ticket_id bigint not null,
  moment timestamptz not null,
  outcome text not null,
  agent_id bigint, team_id bigint,
  channel text not null,
  integration_id bigint,
  store_id bigint,
  created timestamptz not null,
  primary key (account_id, ticket_id, moment, outcome)
);
create index fact_interactions_moment on fact_interactions (account_id, moment)
  include (ticket_id, outcome, agent_id, team_id, channel, integration_id, store_id, created);

-- Whether a customer wrote in a ticket. Looked up in a process beside too, which no sub-select of each row is.
create function asked(account bigint, ticket bigint) returns boolean language sql stable parallel safe cost 20 as $$
  select exists (select from fact_messages where account_id = account and ticket_id = ticket and incoming)
$$;

create function microseconds(span interval) returns bigint language sql immutable parallel safe as $$
  select (extract(epoch from span) * 1000000)::bigint
$$;

-- The row of each ticket, or none; the tickets whose row was new, changed or went.
create function facts_of_tickets(account bigint, ids bigint[]) returns bigint[] language plpgsql as $$
declare
  changed bigint[];
  gone bigint[];
begin
  with live as (
    select t.account_id, t.id as ticket_id, t.assignee_user_id, t.assignee_team_id, t.channel,
      (select m.integration_id from messages m where m.account_id = t.account_id and m.ticket_id = t.id
        and m.integration_id is not null order by m.created_datetime, m.id limit 1) as integration_id,
      t.store_id, t.created_datetime,
      (select m.from_agent from messages m where m.account_id = t.account_id and m.ticket_id = t.id and m.public
        and m.deleted_datetime is null order by m.created_datetime, m.id limit 1) as begun_by_agent
    from tickets t
    where t.account_id = account and t.id = any(ids) and t.merged_into_id is null and t.trashed_datetime is null
      and not t.spam
  ), written as (
    insert into fact_tickets
    (select * from live except select * from fact_tickets where account_id = account and ticket_id = any(ids))
    on conflict (account_id, ticket_id) do update set agent_id = excluded.agent_id, team_id = excluded.team_id,
      channel = excluded.channel, integration_id = excluded.integration_id, store_id = excluded.store_id,
      created = excluded.created, begun_by_agent = excluded.begun_by_agent
    returning ticket_id
  ) select array_agg(ticket_id) from written into changed;
  with away as (
    delete from fact_tickets f where f.account_id = account and f.ticket_id = any(ids) and not exists (
      select from tickets t where t.account_id = account and t.id = f.ticket_id and t.merged_into_id is null
        and t.trashed_datetime is null and not t.spam)
    returning ticket_id
  ) select array_agg(ticket_id) from away into gone;
  return coalesce(changed, '{}') || coalesce(gone, '{}');
end
$$;

-- What an event of a close, a reopening or an assignment made of the ticket goes on until the next one. What none tells
-- is what the ticket says of itself now.
create function facts_of_spans(account bigint, ids bigint[]) returns void language plpgsql as $$
begin
  with known as materialized (
    select h.ticket_id, h.event_id, h.kind, h.item, h.user_id, h.moment
    from fact_history h
    where h.account_id = account and h.ticket_id = any(ids) and h.kind in ('close', 'open', 'assign', 'unassign')
  ), firsts as (
    select f.*, t.status, t.closed_datetime, t.assignee_user_id,
      (select k.kind from known k where k.ticket_id = f.ticket_id and k.kind in ('close', 'open')
        order by k.event_id limit 1) as first_state,
      (select array[k.kind, k.item::text] from known k where k.ticket_id = f.ticket_id
        and k.kind in ('assign', 'unassign') order by k.event_id limit 1) as first_assignment
    from fact_tickets f join tickets t on t.account_id = f.account_id and t.id = f.ticket_id
    where f.account_id = account and f.ticket_id = any(ids) and t.id = any(ids)
  ), steps as (
    select ticket_id, -1::bigint as event_id, created as moment, first_state is distinct from 'open' as is_open,
      true as assigns, case when first_assignment is null then assignee_user_id
        when first_assignment[1] = 'unassign' then first_assignment[2]::bigint end as agent_id, null::bigint as user_id
    from firsts
    union all
    -- It came closed.
    select ticket_id, 0, greatest(closed_datetime, created), false, false, null, null
    from firsts where first_state is null and status = 'closed'
    union all
    select k.ticket_id, k.event_id, greatest(k.moment, f.created), case k.kind when 'close' then false when 'open' then true end,
      k.kind in ('assign', 'unassign'), case k.kind when 'assign' then k.item end, k.user_id
    from known k join firsts f using (ticket_id)
  ), counted as (
    select *, count(is_open) over told as state, count(*) filter (where assigns) over told as holding,
      max(moment) over told as since
    from steps window told as (partition by ticket_id order by event_id)
  ), carried as (
    select ticket_id, event_id, since, user_id,
      first_value(is_open) over (partition by ticket_id, state order by event_id) as is_open,
      first_value(agent_id) over (partition by ticket_id, holding order by event_id) as agent_id
    from counted
  ), lasting as (
    select distinct on (ticket_id, since) ticket_id, since, is_open, agent_id, user_id
    from carried order by ticket_id, since, event_id desc
  ), spans as (
    select f.account_id, l.ticket_id, l.since as begins,
      coalesce(lead(l.since) over (partition by l.ticket_id order by l.since), 'infinity') as ends,
      l.is_open, l.agent_id, l.user_id, f.team_id, f.channel, f.integration_id, f.store_id, f.created
    from lasting l join firsts f using (ticket_id)
  ), measured as (
    select account_id, ticket_id, begins, ends, is_open, ends > begins + interval '744 hours' as is_long, agent_id, user_id,
      team_id, channel, integration_id, store_id, created
    from spans
  ), away as (
    delete from fact_spans s where s.account_id = account and s.ticket_id = any(ids)
      and not exists (select from spans n where n.ticket_id = s.ticket_id and n.begins = s.begins)
  )
  insert into fact_spans
  (select * from measured except select * from fact_spans where account_id = account and ticket_id = any(ids))
  on conflict (account_id, ticket_id, begins) do update set ends = excluded.ends, is_open = excluded.is_open,
    is_long = excluded.is_long, agent_id = excluded.agent_id, user_id = excluded.user_id, team_id = excluded.team_id, channel = excluded.channel,
    integration_id = excluded.integration_id, store_id = excluded.store_id, created = excluded.created;
end
$$;

-- Whether answers of this user are a human's.
create function is_human(account bigint, person bigint) returns boolean language sql stable as $$
  select exists (select from users u where u.account_id = account and u.id = person
    and u.role not in ('bot', 'internal-agent') and u.client_id is null)
$$;

create function macro_ids(macros jsonb) returns bigint[] language sql immutable as $$
  select array(select distinct (m->>'id')::bigint from jsonb_array_elements(macros) m
    where m->>'id' ~ '^[0-9]{1,18}$' order by 1)
$$;

-- Who had the ticket at a moment, which is not before it began.
create function assignee_at(account bigint, ticket bigint, at timestamptz) returns bigint language sql stable as $$
  select s.agent_id from fact_spans s where s.account_id = account and s.ticket_id = ticket and s.begins <= at
  order by s.begins desc limit 1
$$;

-- When automation passed tickets on: a bot had one, then a human or, whoever had it, a team.
create function handovers(account bigint, ids bigint[]) returns table (ticket_id bigint, moment timestamptz)
language sql stable as $$
  select s.ticket_id, s.begins from fact_spans s join fact_spans b
    on b.account_id = s.account_id and b.ticket_id = s.ticket_id and b.ends = s.begins
  where s.account_id = account and s.ticket_id = any(ids) and s.agent_id <> b.agent_id
    and is_human(account, s.agent_id) and not is_human(account, b.agent_id)
  union
  select h.ticket_id, h.moment from fact_history h join fact_spans b
    on b.account_id = h.account_id and b.ticket_id = h.ticket_id and b.begins < h.moment and b.ends >= h.moment
  where h.account_id = account and h.ticket_id = any(ids) and h.kind = 'team' and b.agent_id is not null
    and not is_human(account, b.agent_id)
$$;

create function handed_over(account bigint, ticket bigint, until timestamptz) returns timestamptz language sql stable as $$
  select max(h.moment) from handovers(account, array[ticket]) h where h.moment <= until
$$;

create function facts_of_messages(account bigint, ids bigint[]) returns void language plpgsql as $$
begin
  with live as materialized (
    select * from fact_tickets where account_id = account and ticket_id = any(ids)
  ), said as (
    select m.id, m.ticket_id, m.from_agent, f.begun_by_agent, m.created_datetime as written,
      coalesce(m.sent_datetime, m.created_datetime) as moment,
      case when m.from_agent then m.sent_datetime else m.created_datetime end as at,
      m.sender_id, m.channel, m.integration_id, m.imported is true as imported,
      u.id is not null as human,
      case when m.macros <> '[]' then macro_ids(m.macros) end as macro_ids
    from messages m join live f on f.ticket_id = m.ticket_id
      left join users u on m.from_agent and u.account_id = m.account_id and u.id = m.sender_id
        and u.role not in ('bot', 'internal-agent') and u.client_id is null
    where m.account_id = account and m.ticket_id = any(ids) and m.public and m.deleted_datetime is null
      and (not m.from_agent or (m.sent_datetime is not null and m.via <> 'rule'))
  ), placed as (
    select *, count(*) filter (where from_agent) over (
        partition by ticket_id order by at, id rows between unbounded preceding and 1 preceding) as answers,
      min(written) filter (where not from_agent) over (partition by ticket_id) as asked,
      lag(moment) over (partition by ticket_id, from_agent order by moment, id) as previous,
      lag(moment) over (partition by ticket_id, from_agent, sender_id order by moment, id) as previous_own
    from said
  ), waited as (
    select *, min(at) filter (where not from_agent) over (partition by ticket_id, answers) as waiting,
      from_agent and not imported and not begun_by_agent and at >= asked as answering
    from placed
  ), ranked as (
    select *, count(*) filter (where answering) over told = 1 as is_first,
      count(*) filter (where answering and human) over told = 1 as is_first_human
    from waited window told as (partition by ticket_id order by at, id)
  ), facts as (
    select f.account_id, r.ticket_id, r.id as message_id, not r.from_agent as incoming, r.moment, r.written,
      case when r.from_agent then r.sender_id else a.agent_id end as agent_id,
      f.team_id, f.channel, f.integration_id, f.store_id, r.channel as message_channel,
      coalesce(r.integration_id, f.integration_id) as message_integration_id, f.created,
      case when r.from_agent and not r.imported then microseconds(r.at - r.waiting) end as response,
      case when r.answering and r.is_first then microseconds(r.at - r.asked) end as first_response,
      case when r.answering and r.human and r.is_first_human then microseconds(r.at - greatest(r.asked,
        case when exists (select from fact_spans s where s.account_id = account and s.ticket_id = r.ticket_id
          and s.begins > f.created) or exists (select from fact_history h where h.account_id = account
          and h.ticket_id = r.ticket_id and h.kind = 'team') then handed_over(account, r.ticket_id, r.at) end)) end as human_response,
      r.macro_ids, r.human, case when r.from_agent then r.previous end as previous,
      case when r.from_agent then r.previous_own end as previous_own
    from ranked r join live f on f.ticket_id = r.ticket_id
      left join lateral (select s.agent_id from fact_spans s where s.account_id = account and s.ticket_id = r.ticket_id
        and s.begins <= greatest(r.moment, f.created) order by s.begins desc limit 1) a on not r.from_agent
  ), away as (
    delete from fact_messages g where g.account_id = account and g.ticket_id = any(ids)
      and not exists (select from facts n where n.message_id = g.message_id and n.ticket_id = g.ticket_id)
  )
  insert into fact_messages
  (select * from facts except select * from fact_messages where account_id = account and ticket_id = any(ids))
  on conflict (account_id, ticket_id, message_id) do update set incoming = excluded.incoming, moment = excluded.moment,
    written = excluded.written, agent_id = excluded.agent_id, team_id = excluded.team_id, channel = excluded.channel,
    integration_id = excluded.integration_id, store_id = excluded.store_id, message_channel = excluded.message_channel,
    message_integration_id = excluded.message_integration_id, created = excluded.created, response = excluded.response,
    first_response = excluded.first_response, human_response = excluded.human_response, macro_ids = excluded.macro_ids,
    human = excluded.human, previous = excluded.previous, previous_own = excluded.previous_own;
end
$$;

create function facts_of_closes(account bigint, ids bigint[]) returns void language plpgsql as $$
begin
  with numbered as (
    select *, count(*) filter (where is_open) over (partition by ticket_id order by begins) as run
    from fact_spans where account_id = account and ticket_id = any(ids)
  ), runs as (
    select distinct on (ticket_id, run) *, max(ends) over (partition by ticket_id, run) as until
    from numbered where not is_open order by ticket_id, run, begins
  ), closes as (
    select r.account_id, r.ticket_id, r.begins as moment, r.until as ends, coalesce(r.agent_id, r.user_id) as agent_id,
      r.team_id, r.channel, r.integration_id, r.store_id, r.created, m.received, m.sent,
      case when m.asked < r.begins then microseconds(r.begins - m.asked) end as resolution, m.humans
    from runs r cross join lateral (
      select count(*) filter (where incoming)::int as received, count(*) filter (where not incoming)::int as sent,
        count(*) filter (where human)::int as humans,
        min(written) filter (where incoming) as asked
      from fact_messages m where m.account_id = account and m.ticket_id = r.ticket_id and m.written <= r.begins
    ) m
  ), away as (
    delete from fact_closes c where c.account_id = account and c.ticket_id = any(ids)
      and not exists (select from closes n where n.ticket_id = c.ticket_id and n.moment = c.moment)
  ), spent as (
    select c.account_id, c.ticket_id, c.moment, c.ends, h.user_id as agent_id, c.team_id, c.channel, c.integration_id,
      c.store_id, c.created, sum(microseconds(least(h.ends, c.moment) - h.begins))::bigint as spent
    from closes c join handlings h
      on h.account_id = account and h.ticket_id = c.ticket_id and h.ticket_id = any(ids) and h.begins < c.moment
        and h.ends > h.begins
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
  ), unspent as (
    delete from fact_handlings c where c.account_id = account and c.ticket_id = any(ids) and not exists (
      select from spent n where n.ticket_id = c.ticket_id and n.moment = c.moment and n.agent_id = c.agent_id)
  ), spending as (
    insert into fact_handlings
    (select * from spent except select * from fact_handlings where account_id = account and ticket_id = any(ids))
    on conflict (account_id, ticket_id, moment, agent_id) do update set ends = excluded.ends, team_id = excluded.team_id,
      channel = excluded.channel, integration_id = excluded.integration_id, store_id = excluded.store_id,
      created = excluded.created, spent = excluded.spent
  )
  insert into fact_closes
  (select * from closes except select * from fact_closes where account_id = account and ticket_id = any(ids))
  on conflict (account_id, ticket_id, moment) do update set ends = excluded.ends, agent_id = excluded.agent_id,
    team_id = excluded.team_id, channel = excluded.channel, integration_id = excluded.integration_id,
    store_id = excluded.store_id, created = excluded.created, received = excluded.received, sent = excluded.sent,
    resolution = excluded.resolution, humans = excluded.humans;
  perform facts_of_interactions(account, ids);
end
$$;

create function facts_of_interactions(account bigint, ids bigint[]) returns void language plpgsql as $$
begin
  with opened as (
    select ticket_id, moment, coalesce(lag(ends) over (partition by ticket_id order by moment), '-infinity') as since
    from fact_closes where account_id = account and ticket_id = any(ids)
  ), happened as (
    select o.ticket_id, o.moment, 'automated' as outcome
    from opened o cross join lateral (
      select bool_or(m.human) as human from fact_messages m where m.account_id = account and m.ticket_id = o.ticket_id
        and not m.incoming and m.moment >= o.since and m.moment <= o.moment
    ) m where not m.human
    union all
    select h.ticket_id, h.moment, 'handover' from handovers(account, ids) h
  ), interactions as (
    select f.account_id, h.ticket_id, h.moment, h.outcome, f.agent_id, f.team_id, f.channel, f.integration_id, f.store_id,
      f.created
    from happened h join fact_tickets f on f.account_id = account and f.ticket_id = h.ticket_id
  ), away as (
    delete from fact_interactions i where i.account_id = account and i.ticket_id = any(ids)
      and not exists (select from happened n where n.ticket_id = i.ticket_id and n.moment = i.moment and n.outcome = i.outcome)
  )
  insert into fact_interactions
  (select * from interactions except select * from fact_interactions where account_id = account and ticket_id = any(ids))
  on conflict (account_id, ticket_id, moment, outcome) do update set agent_id = excluded.agent_id,
    team_id = excluded.team_id, channel = excluded.channel, integration_id = excluded.integration_id,
    store_id = excluded.store_id, created = excluded.created;
end
$$;

create function facts_of_tags(account bigint, ids bigint[]) returns void language plpgsql as $$
begin
  with on_ticket as (
    select f.account_id, f.ticket_id, g.tag_id, coalesce((select max(h.moment) from fact_history h
        where h.account_id = account and h.ticket_id = f.ticket_id and h.kind = 'tag' and h.item = g.tag_id), f.created) as moment,
      f.agent_id, f.team_id, f.channel, f.integration_id, f.store_id, f.created
    from fact_tickets f join ticket_tags g on g.account_id = f.account_id and g.ticket_id = f.ticket_id
    where f.account_id = account and f.ticket_id = any(ids) and g.ticket_id = any(ids)
  ), placed as (
    select *, lag(moment) over (partition by ticket_id order by moment, tag_id) as previous from on_ticket
  ), away as (
    delete from fact_tags g where g.account_id = account and g.ticket_id = any(ids)
      and not exists (select from on_ticket n where n.ticket_id = g.ticket_id and n.tag_id = g.tag_id)
  )
  insert into fact_tags
  (select * from placed except select * from fact_tags where account_id = account and ticket_id = any(ids))
  on conflict (account_id, ticket_id, tag_id) do update set moment = excluded.moment, agent_id = excluded.agent_id,
    team_id = excluded.team_id, channel = excluded.channel, integration_id = excluded.integration_id,
    store_id = excluded.store_id, created = excluded.created, previous = excluded.previous;
end
$$;

create function facts_of_values(account bigint, ids bigint[]) returns void language plpgsql as $$
begin
  with present as (
    select f.account_id, f.ticket_id, v.key::bigint as field_id, v.value->>'value' as value,
      coalesce((select max(h.moment) from fact_history h where h.account_id = account and h.ticket_id = f.ticket_id
        and h.kind = 'field' and h.item = v.key::bigint), f.created) as moment,
      f.agent_id, f.team_id, f.channel, f.integration_id, f.store_id, f.created
    from fact_tickets f join tickets t on t.account_id = f.account_id and t.id = f.ticket_id
      cross join lateral jsonb_each(t.custom_fields) v
    where f.account_id = account and f.ticket_id = any(ids) and t.id = any(ids) and v.value->>'value' is not null
  ), away as (
    delete from fact_values g where g.account_id = account and g.ticket_id = any(ids)
      and not exists (select from present n where n.ticket_id = g.ticket_id and n.field_id = g.field_id)
  )
  insert into fact_values
  (select * from present except select * from fact_values where account_id = account and ticket_id = any(ids))
  on conflict (account_id, ticket_id, field_id) do update set value = excluded.value, moment = excluded.moment,
    agent_id = excluded.agent_id, team_id = excluded.team_id, channel = excluded.channel,
    integration_id = excluded.integration_id, store_id = excluded.store_id, created = excluded.created;
end
$$;

-- Credited to who had the ticket when the survey was sent, else to who answered last before.
create function facts_of_surveys(account bigint, ids bigint[]) returns void language plpgsql as $$
begin
  with asked as (
    select f.account_id, f.ticket_id, s.id as survey_id, s.sent_datetime as sent, s.scored_datetime as scored, s.score,
      coalesce(
        assignee_at(account, f.ticket_id, greatest(coalesce(s.sent_datetime, s.scored_datetime), f.created)),
        (select m.agent_id from fact_messages m where m.account_id = account and m.ticket_id = f.ticket_id
          and not m.incoming and m.moment <= coalesce(s.sent_datetime, s.scored_datetime)
          order by m.moment desc, m.message_id desc limit 1)) as agent_id,
      f.team_id, f.channel, f.integration_id, f.store_id, f.created
    from fact_tickets f join satisfaction_surveys s on s.account_id = f.account_id and s.ticket_id = f.ticket_id
    where f.account_id = account and f.ticket_id = any(ids) and s.ticket_id = any(ids)
      and (s.sent_datetime is not null or s.scored_datetime is not null)
  ), away as (
    delete from fact_surveys g where g.account_id = account and g.ticket_id = any(ids)
      and not exists (select from asked n where n.ticket_id = g.ticket_id and n.survey_id = g.survey_id)
  )
  insert into fact_surveys
  (select * from asked except select * from fact_surveys where account_id = account and ticket_id = any(ids))
  on conflict (account_id, ticket_id, survey_id) do update set sent = excluded.sent, scored = excluded.scored,
    score = excluded.score, agent_id = excluded.agent_id, team_id = excluded.team_id, channel = excluded.channel,
    integration_id = excluded.integration_id, store_id = excluded.store_id, created = excluded.created;
end
$$;

-- All facts of some tickets. What leads to others comes first.
create function facts(account bigint, ids bigint[]) returns void language plpgsql as $$
begin
  perform facts_of_tickets(account, ids);
  perform facts_of_spans(account, ids);
  perform facts_of_messages(account, ids);
  perform facts_of_closes(account, ids);
  perform facts_of_tags(account, ids);
  perform facts_of_values(account, ids);
  perform facts_of_surveys(account, ids);
end
$$;

create function facts_are_gone() returns trigger language plpgsql as $$
begin
  delete from fact_spans where account_id = old.account_id and ticket_id = old.ticket_id;
  delete from fact_messages where account_id = old.account_id and ticket_id = old.ticket_id;
  delete from fact_closes where account_id = old.account_id and ticket_id = old.ticket_id;
  delete from fact_handlings where account_id = old.account_id and ticket_id = old.ticket_id;
  delete from fact_tags where account_id = old.account_id and ticket_id = old.ticket_id;
  delete from fact_values where account_id = old.account_id and ticket_id = old.ticket_id;
  delete from fact_surveys where account_id = old.account_id and ticket_id = old.ticket_id;
  delete from fact_interactions where account_id = old.account_id and ticket_id = old.ticket_id;
  return null;
end
$$;
create trigger facts_are_gone after delete on fact_tickets for each row execute function facts_are_gone();

-- The facts of tickets of which messages changed in other ways than that one more was said last.
create function facts_of_said(account bigint, ids bigint[]) returns void language plpgsql as $$
declare
  whole bigint[];
begin
  -- One after the other, as all who change a ticket: else neither would see what the other one says.
  perform from tickets t where t.account_id = account and t.id = any(ids) order by t.id for no key update;
  whole := facts_of_tickets(account, ids);
  if whole <> '{}' then
    perform facts(account, whole);
    ids := array(select unnest(ids) except select unnest(whole));
  end if;
  if ids <> '{}' then
    perform facts_of_messages(account, ids);
    perform facts_of_closes(account, ids);
    perform facts_of_surveys(account, ids);
  end if;
end
$$;

-- What is said last in a ticket, computed from what is known of the others: the same as `facts_of_messages`, faster.
create function facts_follow_message() returns trigger language plpgsql as $$
#variable_conflict use_column
declare
  -- the ticket, and of what was said before: the last that counts, the last that was written, the first question, whether
  -- this is known, whether there are first answers; then the oldest question since the last answer, whose facts a close or
  -- a survey may have, and who has the ticket
  ticket record;
  placed timestamptz := case when new.from_agent then new.sent_datetime else new.created_datetime end;
  told timestamptz := coalesce(new.sent_datetime, new.created_datetime);
  response bigint; first_response bigint; human_response bigint;
  by_human boolean := new.from_agent and is_human(new.account_id, new.sender_id);
begin
  if tg_op = 'UPDATE' then
    -- Nobody has the ticket yet; see `facts_of_said`.
    perform from tickets t where t.account_id = new.account_id and t.id = new.ticket_id for no key update;
  end if;
  select f.*, m.*, case when new.from_agent then (
      select min(q.written) from fact_messages q where q.account_id = f.account_id and q.ticket_id = f.ticket_id
        and q.incoming and (m.answer_id is null or (q.written, q.message_id) > (m.answered, m.answer_id))) end as waiting,
    exists (select from fact_closes c where c.account_id = f.account_id and c.ticket_id = f.ticket_id
      and c.moment >= new.created_datetime) as was_closed,
    exists (select from fact_surveys s where s.account_id = f.account_id and s.ticket_id = f.ticket_id
      and greatest(s.sent, s.scored) >= told) as was_asked,
    case when new.from_agent then new.sender_id else (
      select s.agent_id from fact_spans s where s.account_id = f.account_id and s.ticket_id = f.ticket_id
        and s.begins <= greatest(told, f.created) order by s.begins desc limit 1) end as credited
  from fact_tickets f cross join lateral (
    select max(case when m.incoming then m.written else m.moment end) as last_placed, max(m.written) as last_written,
      min(m.written) filter (where m.incoming) as asked, bool_or(m.message_id = new.id) as is_known,
      bool_or(m.first_response is not null) as has_first, bool_or(m.human_response is not null) as has_human,
      max(m.moment) filter (where not m.incoming) as answered,
      max(m.moment) filter (where not m.incoming and m.agent_id is not distinct from new.sender_id) as answered_before,
      (array_agg(m.message_id order by m.moment desc, m.message_id desc) filter (where not m.incoming))[1] as answer_id
    from fact_messages m where m.account_id = f.account_id and m.ticket_id = f.ticket_id
  ) m
  where f.account_id = new.account_id and f.ticket_id = new.ticket_id into ticket;
  if ticket.is_known then
    return null;
  end if;
  if ticket.last_placed is null or new.created_datetime < ticket.last_written or placed < ticket.last_placed
    or (ticket.integration_id is null and new.integration_id is not null) then
    perform facts_of_said(new.account_id, array[new.ticket_id]);
    return null;
  end if;
  if placed is null or new.deleted_datetime is not null or (new.from_agent and new.via = 'rule') then
    return null;
  end if;
  if new.from_agent and new.imported is not true then
    response := microseconds(placed - ticket.waiting);
    if not ticket.begun_by_agent and placed >= ticket.asked then
      if not ticket.has_first then
        first_response := microseconds(placed - ticket.asked);
      end if;
      if not ticket.has_human and by_human then
        human_response := microseconds(placed - greatest(ticket.asked,
          handed_over(new.account_id, new.ticket_id, placed)));
      end if;
    end if;
  end if;
  insert into fact_messages values (new.account_id, new.ticket_id, new.id, not new.from_agent, told,
    new.created_datetime, ticket.credited, ticket.team_id, ticket.channel, ticket.integration_id, ticket.store_id,
    new.channel, coalesce(new.integration_id, ticket.integration_id), ticket.created, response, first_response,
    human_response, case when new.macros <> '[]' then macro_ids(new.macros) end, by_human,
    case when new.from_agent then ticket.answered end, case when new.from_agent then ticket.answered_before end);
  if ticket.was_closed then
    perform facts_of_closes(new.account_id, array[new.ticket_id]);
  end if;
  if ticket.was_asked then
    perform facts_of_surveys(new.account_id, array[new.ticket_id]);
  end if;
  return null;
end
$$;
create trigger facts_follow_new after insert on messages for each row when (new.public)
  execute function facts_follow_message();
-- A note is no fact, but a ticket may begin with one, or be told its integration by one.
create function facts_follow_note() returns trigger language plpgsql as $$
begin
  if not exists (select from fact_tickets f where f.account_id = new.account_id and f.ticket_id = new.ticket_id
      and (f.integration_id is not null or new.integration_id is null)) then
    perform facts_of_said(new.account_id, array[new.ticket_id]);
  end if;
  return null;
end
$$;
create trigger facts_follow_note after insert on messages for each row when (not new.public)
  execute function facts_follow_note();
-- What most updates are: an answer that was written has been sent.
create function is_sent_now(was messages, is_now messages) returns boolean language sql immutable as $$
  select was.sent_datetime is null and is_now.sent_datetime is not null and is_now.from_agent and is_now.public
    and (was.account_id, was.id, was.ticket_id, was.public, was.from_agent, was.sender_id, was.channel, was.integration_id,
      was.via, was.imported, was.macros, was.created_datetime, was.deleted_datetime) is not distinct from
      (is_now.account_id, is_now.id, is_now.ticket_id, is_now.public, is_now.from_agent, is_now.sender_id, is_now.channel,
      is_now.integration_id, is_now.via, is_now.imported, is_now.macros, is_now.created_datetime, is_now.deleted_datetime)
$$;
create trigger facts_follow_sent after update of sent_datetime on messages for each row
  when (is_sent_now(old, new)) execute function facts_follow_message();

create function facts_follow_messages() returns trigger language plpgsql as $$
declare
  account bigint;
  ids bigint[];
begin
  if tg_op = 'DELETE' then
    for account, ids in select account_id, array_agg(distinct ticket_id) from removed group by account_id loop
      perform facts_of_said(account, ids);
    end loop;
    return null;
  end if;
  for account, ids in
    with different as (
      select account_id, id, ticket_id, public, from_agent, sender_id, channel, integration_id, via, imported, macros,
        created_datetime, sent_datetime, deleted_datetime from added a
      where not exists (select from removed r where r.account_id = a.account_id and r.id = a.id and is_sent_now(r, a))
      except all
      select account_id, id, ticket_id, public, from_agent, sender_id, channel, integration_id, via, imported, macros,
        created_datetime, sent_datetime, deleted_datetime from removed
    )
    select account_id, array_agg(distinct ticket_id) from (
      select account_id, ticket_id from different
      -- Messages may have come from another ticket.
      union all select r.account_id, r.ticket_id from removed r join different d using (account_id, id)
    ) t group by account_id
  loop
    perform facts_of_said(account, ids);
  end loop;
  return null;
end
$$;
create trigger facts_follow_change after update on messages referencing old table as removed new table as added
  for each statement execute function facts_follow_messages();
create trigger facts_follow_end after delete on messages referencing old table as removed
  for each statement execute function facts_follow_messages();

-- What an event tells history.
create function told_by(type text, data jsonb) returns table (kind text, item bigint) language sql immutable as $$
  select 'close', 0 where type in ('ticket-closed', 'ticket-snoozed')
  union all select 'open', 0 where type in ('ticket-reopened', 'ticket-self-unsnoozed')
  union all select 'assign', (data->>'assignee_user_id')::bigint where type = 'ticket-assigned'
  union all select 'unassign', (data->>'assignee_user_id')::bigint where type = 'ticket-unassigned'
  union all select 'team', (data->>'assignee_team_id')::bigint where type = 'ticket-team-assigned'
  union all select 'tag', (tag->>'id')::bigint from jsonb_array_elements(data->'tags') tag where type = 'ticket-tags-added'
  union all select 'field', key::bigint from jsonb_object_keys(data->'custom_fields') key
    where type = 'ticket-updated' and jsonb_typeof(data->'custom_fields') = 'object'
$$;

-- Once for all events of a statement: a job writes hundreds.
create function facts_follow_events() returns trigger language plpgsql as $$
declare
  account bigint;
  states bigint[];
  tagged bigint[];
  valued bigint[];
  others bigint[];
begin
  for account, states, tagged, valued, others in
    select account_id,
      array_agg(distinct object_id) filter (where type in (
        'ticket-closed', 'ticket-snoozed', 'ticket-reopened', 'ticket-self-unsnoozed')),
      array_agg(distinct object_id) filter (where type = 'ticket-tags-added'),
      array_agg(distinct object_id) filter (where type = 'ticket-updated'),
      array_agg(distinct object_id) filter (where type in (
        'ticket-assigned', 'ticket-unassigned', 'ticket-team-assigned', 'ticket-team-unassigned', 'ticket-marked-spam',
        'ticket-unmarked-spam', 'ticket-trashed', 'ticket-untrashed'))
    from added
    where type in ('ticket-closed', 'ticket-snoozed', 'ticket-reopened', 'ticket-self-unsnoozed', 'ticket-tags-added',
        'ticket-assigned', 'ticket-unassigned', 'ticket-team-assigned', 'ticket-team-unassigned', 'ticket-marked-spam',
        'ticket-unmarked-spam', 'ticket-trashed', 'ticket-untrashed')
      or (type = 'ticket-updated' and data ? 'custom_fields')
    group by account_id
  loop
    insert into fact_history (account_id, ticket_id, event_id, kind, item, user_id, moment)
    select e.account_id, e.object_id, e.id, told.kind, coalesce(told.item, 0), e.user_id, e.created_datetime
    from added e cross join lateral told_by(e.type, e.data) told
    where e.account_id = account and e.object_id = any(states || tagged || valued || others)
      and exists (select from tickets t where t.account_id = account and t.id = e.object_id)
      and e.object_type = 'Ticket'
    order by e.id;
    if others is not null then
      perform facts(account, others);
    end if;
    if states is not null then
      perform facts_of_spans(account, states);
      perform facts_of_closes(account, states);
    end if;
    -- A ticket that was opened with its tags has their facts since then.
    tagged := array(
      select distinct e.object_id from added e cross join lateral told_by(e.type, e.data) told
      where e.account_id = account and e.object_id = any(tagged) and told.kind = 'tag' and not exists (
        select from fact_tags g where g.account_id = account and g.ticket_id = e.object_id and g.tag_id = told.item
          and g.moment = e.created_datetime)
    );
    if tagged <> '{}' then
      perform facts_of_tags(account, tagged);
    end if;
    if valued is not null then
      perform facts_of_values(account, valued);
    end if;
  end loop;
  return null;
end
$$;
create trigger facts_follow_event after insert on events referencing new table as added
  for each statement execute function facts_follow_events();

-- What of a ticket changes facts and is told by no event of its own.
create function facts_follow_ticket() returns trigger language plpgsql as $$
begin
  perform facts(new.account_id, array[new.id]);
  return null;
end
$$;
create trigger facts_follow_ticket after update on tickets for each row
  when (old.channel <> new.channel or old.store_id is distinct from new.store_id
    or old.created_datetime <> new.created_datetime or old.merged_into_id is distinct from new.merged_into_id
    or (old.status = new.status and old.closed_datetime is distinct from new.closed_datetime))
  execute function facts_follow_ticket();

-- Who puts tags on tells it by an event, whose facts these are; a tag that takes another one's place, the end of that one.
create function facts_follow_tags() returns trigger language plpgsql as $$
declare
  account bigint;
  ids bigint[];
begin
  for account, ids in select account_id, array_agg(distinct ticket_id) from removed group by account_id loop
    perform facts_of_tags(account, ids);
  end loop;
  return null;
end
$$;
create trigger facts_follow_end after delete on ticket_tags referencing old table as removed
  for each statement execute function facts_follow_tags();

create function facts_follow_survey() returns trigger language plpgsql as $$
begin
  perform facts_of_surveys(coalesce(new.account_id, old.account_id), array[coalesce(new.ticket_id, old.ticket_id)]);
  return null;
end
$$;
create trigger facts_follow after insert or update or delete on satisfaction_surveys
  for each row execute function facts_follow_survey();

-- A close takes with it what was spent before, of which the last signal may come after.
create function facts_follow_handling() returns trigger language plpgsql as $$
begin
  if exists (select from fact_closes c where c.account_id = new.account_id and c.ticket_id = new.ticket_id
      and c.moment > new.begins) then
    perform facts_of_closes(new.account_id, array[new.ticket_id]);
  end if;
  return null;
end
$$;
create trigger facts_follow after insert or update on handlings
  for each row execute function facts_follow_handling();

-- A page says every 20 seconds that a ticket is in front of somebody. What he spends on it ends a minute after the last
-- time, when another ticket comes to the front, and after an hour at most.
create function attend(account bigint, ticket bigint, person bigint, at timestamptz) returns void language plpgsql as $$
begin
  update handlings h set ends = greatest(h.ends, at)
  where h.account_id = account and h.ticket_id = ticket and h.user_id = person and h.begins > at - interval '1 hour'
    and h.ends = (select max(o.ends) from handlings o where o.account_id = account and o.user_id = person
      and o.ends >= at - interval '1 minute');
  if not found then
    insert into handlings (account_id, ticket_id, user_id, begins, ends)
    select account, t.id, person, at, at from tickets t where t.account_id = account and t.id = ticket
    on conflict do nothing;
  end if;
end
$$;

-- Present until five minutes after the last sign of life, or until one signs out.
create function facts_follow_presence() returns trigger language plpgsql as $$
begin
  if new.seen_datetime is null then
    update presences set ends = greatest(begins, least(ends, now()))
    where account_id = new.account_id and user_id = new.user_id and ends > now();
    return null;
  end if;
  update presences set ends = greatest(ends, new.seen_datetime + interval '5 minutes')
  where account_id = new.account_id and user_id = new.user_id and begins <= new.seen_datetime
    and begins > new.seen_datetime - interval '1 day' and ends >= new.seen_datetime;
  if not found then
    -- No interval is longer than a day and some minutes: then the next one begins.
    update presences set ends = new.seen_datetime
    where account_id = new.account_id and user_id = new.user_id and begins < new.seen_datetime
      and ends > new.seen_datetime;
    insert into presences (account_id, user_id, begins, ends)
    values (new.account_id, new.user_id, new.seen_datetime, new.seen_datetime + interval '5 minutes')
    on conflict do nothing;
  end if;
  return null;
end
$$;
create trigger facts_follow_new after insert on user_presence for each row
  when (new.seen_datetime is not null) execute function facts_follow_presence();
create trigger facts_follow_change after update on user_presence for each row
  when (old.seen_datetime is distinct from new.seen_datetime) execute function facts_follow_presence();
