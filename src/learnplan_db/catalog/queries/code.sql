-- What decides or runs: triggers, rules, policies, functions; part of frame.sql.
select 'trigger', format('%s.%I', c.name, g.tgname), null, null, null,
  obj_description(g.oid, 'pg_trigger'),
  jsonb_build_object(
    'definition', pg_get_triggerdef(g.oid),
    'enabled', case g.tgenabled when 'O' then 'yes' when 'D' then 'no' when 'A' then 'always'
      else 'replica' end
  )
from relations as c
inner join pg_trigger as g on g.tgrelid = c.oid and not g.tgisinternal

union all
select 'rule', format('%s.%I', c.name, w.rulename), null, null, null,
  obj_description(w.oid, 'pg_rewrite'),
  jsonb_build_object(
    'definition', pg_get_ruledef(w.oid),
    'enabled', case w.ev_enabled when 'O' then 'yes' when 'D' then 'no' when 'A' then 'always'
      else 'replica' end
  )
from relations as c
inner join pg_rewrite as w on w.ev_class = c.oid and w.rulename <> '_RETURN'

union all
select 'policy', format('%s.%I', c.name, p.polname), null, null, p.polroles,
  obj_description(p.oid, 'pg_policy'),
  jsonb_build_object(
    'command', case p.polcmd when 'r' then 'select' when 'a' then 'insert'
      when 'w' then 'update' when 'd' then 'delete' else 'all' end,
    'permissive', case when p.polpermissive then 'yes' else 'no' end,
    'roles', (
      select string_agg(w.name, ', ' order by w.name collate "C")
      from people as w where w.oid = any(p.polroles)
    ),
    'using', pg_get_expr(p.polqual, p.polrelid),
    'check', pg_get_expr(p.polwithcheck, p.polrelid)
  )
from relations as c
inner join pg_policy as p on p.polrelid = c.oid

union all
select 'function', p.name, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner)), null,
  obj_description(p.oid, 'pg_proc'),
  jsonb_build_object(
    'sort', case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate'
      when 'w' then 'window' else 'function' end,
    'language', l.lanname,
    'arguments', pg_get_function_arguments(p.oid),
    'result', pg_get_function_result(p.oid),
    'volatility', case p.provolatile when 'i' then 'immutable' when 's' then 'stable'
      else 'volatile' end,
    'security', case when p.prosecdef then 'definer' else 'invoker' end,
    'parallel', case p.proparallel when 's' then 'safe' when 'r' then 'restricted'
      else 'unsafe' end,
    'leakproof', case when p.proleakproof then 'yes' else 'no' end,
    'strict', case when p.proisstrict then 'yes' else 'no' end,
    'cost', p.procost::text,
    'rows', p.prorows::text,
    'settings', array_to_string(p.proconfig, '; '),
    'support', nullif(p.prosupport, 0)::regproc::text,
    'library', p.probin,
    'body', coalesce(pg_get_function_sqlbody(p.oid), p.prosrc),
    'aggregate', (
      select concat_ws(' ', g.aggtransfn::text, g.aggtranstype::regtype, g.aggfinalfn::text,
        g.aggcombinefn::text, g.agginitval, g.aggkind::text)
      from pg_aggregate as g where g.aggfnoid = p.oid
    )
  )
from functions as p
inner join pg_language as l on l.oid = p.prolang
