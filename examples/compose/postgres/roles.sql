-- Run once by psql, when the data folder is made: the database, and its two roles. One owns the tables and is for
-- migrations alone; the other serves, and is given its rights by `strongroom migrate`.
\set owner_password `cat /run/secrets/owner-password`
\set serving_password `cat /run/secrets/serving-password`
-- A statement that fails would be logged, and these hold passwords.
set log_min_error_statement = panic;
set log_statement = none;
create role strongroom_owner login password :'owner_password';
create role strongroom login password :'serving_password';
create database strongroom owner strongroom_owner template template0 encoding 'UTF8' locale 'C';
revoke connect, temporary on database strongroom from public;
grant connect on database strongroom to strongroom;
