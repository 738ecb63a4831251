"""What the section about row security says besides its figures. Pure."""

HEAD = """\
## Row security

What row security costs: the pages (of 8 kB) that a statement touches and the time it
takes, as a developer writes it who says in each statement who may see what (by hand,
row security off), with our policies, with the policies that tutorials show, and by an
accessor function where there is one. All side by side in one run, on the same rows.

![Pages by question, relative to the statement by hand](performance/rls.svg)
"""
METHOD = """\
### How row security is measured

- **Worlds** (`bench/world.sql`): 10,000, 100,000 and 1,000,000 plans; from 3 to 10
  modules a plan, tasks, links to resources, progress of owners and, on the public plans
  (5 %), of others. Most people have one to five plans, the heaviest 300. A larger world
  has more people, not larger plans: the same people ask the same in every size, and
  their rows lie ever further apart. No random numbers: a world is the same whenever it
  is made. It is loaded with triggers and foreign keys off and vacuumed at the end.
- **By hand**: a role with `bypassrls`, the id of the user as a parameter, and joins up
  to `learning_plans` where a developer needs them to say who may see or do this
  (`bench/reads.py`, `bench/changes.py`). **Ours**: the role `authenticated` and no word
  about access, once with the claim `user_id` (the id is in the token), once with `sub`
  alone (looked up in `users`, which nobody does by hand here). **Naive**
  (`bench/naive.sql`): the session function called bare, a join up to `learning_plans`
  in every policy; with the claim `user_id`.
- **Same answers.** Each way must return the same rows, and each write leave the same
  behind, or the run ends with an error and no figure.
- **Plans**: each statement with its values in it, as PostgreSQL plans it then; ours
  with a generic plan too, as it is after `prepare` (a column). By hand it is the better
  of both, for pages and for execution.
- **Pages** are shared buffers hit and read: of the root of the plan for a read, with
  all functions and sub-plans; for a write the difference of the database's statistics,
  which holds foreign keys and triggers too. Planning is left out. They do not depend on
  the machine: the least of three runs, then the median of three people.
- **Time** is the server's execution time (planning left out, no timing of nodes), and
  what a client waits for a statement that is sent for the first time, planning and
  transport included; {rounds} rounds for each of three people, all ways in each round,
  the order reversed each time; medians. Everything is in memory.
- **Writes** are rolled back.

The plans themselves, each with the pages of its nodes, are in
[performance/plans.md](performance/plans.md).

### Repeat row security

<!-- not run: it measures for minutes, on a machine that is idle -->
```sh
./dev bench-rls            # 10,000 and 100,000 plans
./dev bench-large          # 1,000,000 plans too: 12 GB of disk, a quarter of an hour
./dev bench-rls --quick    # a look; prints the tables, leaves this page alone
```
"""
MISSED = """\
### Where a target is missed

{lines}
"""
HEAVY = " (300 plans)"
WHY = {
    "rename a task": "An update is asked four things: whether the row may be read and"
    " whether it may be changed, each of the row before and after. A developer asks one"
    " thing. PostgreSQL keeps no answer from one policy to the next.",
    "dashboard: own plans with progress": "`my_progress()` gives figures, not topics:"
    " the plans are read once more.",
    "topic search, a rare word": "`ilike` is not leakproof, so PostgreSQL may not look"
    " into an index for it before it knows that the caller may see the row: the public"
    " plans are read newest first until the page is full. `search_public_plans` uses"
    " the trigram index; that is what it is for. It looks at the newest plans first,"
    " which saves a frequent word a hundredfold, and costs a rare one some pages.",
}
