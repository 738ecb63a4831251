#!/bin/sh
# Writes the one login that PgBouncer knows, from APP_PASSWORD, and becomes PgBouncer.
set -eu
umask 077
quoted=$(printf '%s' "${APP_PASSWORD:?is not set: the password of the login app}" | sed 's/"/""/g')
printf '"app" "%s"\n' "$quoted" > /run/pooler/users.txt
exec pgbouncer /opt/pooler/pgbouncer.ini
