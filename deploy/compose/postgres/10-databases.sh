#!/bin/sh
# One database a service, and one for the keys of persons, each owned by a role of its own that no other database lets in.
set -eu
for service in application scoring approval contract ledger collections audit partners keys; do
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set name="$service" --set password="$PUHUI_DATABASE_PASSWORD" \
        --username "$POSTGRES_USER" --dbname postgres <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
done
