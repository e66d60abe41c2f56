#!/bin/sh
# Makes secrets/: an authority of a year, a certificate for each server, and passwords nobody has seen. As root, since each
# file belongs to the one user, by number, that reads it in its container. Changes nothing that is there.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir secrets
mkdir secrets/made

authority() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj '/CN=strongroom compose' \
    -addext 'keyUsage=critical,keyCertSign' -keyout secrets/authority.key -out secrets/authority.crt 2>/dev/null
}

# certificate NAME SUBJECT-ALTERNATIVE-NAMES
certificate() {
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -addext "subjectAltName=$2" \
    -keyout "secrets/$1.key" -out "secrets/$1.csr" 2>/dev/null
  openssl x509 -req -in "secrets/$1.csr" -CA secrets/authority.crt -CAkey secrets/authority.key -CAcreateserial \
    -days 365 -copy_extensions copy -out "secrets/$1.crt" 2>/dev/null
  rm "secrets/$1.csr"
}

authority
certificate postgres DNS:postgres
certificate vault DNS:vault-1,DNS:vault-2
certificate proxy DNS:localhost,IP:127.0.0.1
cat secrets/proxy.crt secrets/proxy.key >secrets/proxy.pem
# It has vouched for these three, and vouches for nothing else.
rm -f secrets/authority.key secrets/authority.srl secrets/proxy.crt secrets/proxy.key

for name in superuser owner serving; do openssl rand -hex 24 >"secrets/$name-password"; done

chmod 444 secrets/*.crt
chmod 400 secrets/*.key secrets/proxy.pem secrets/superuser-password
# The database is told these two when it is made (999), and the vault reads them (10001).
chmod 440 secrets/owner-password secrets/serving-password
if [ "$(id -u)" -eq 0 ]; then
  chown 999:999 secrets/postgres.key secrets/superuser-password
  chown 10001:999 secrets/owner-password secrets/serving-password
  chown 10001:10001 secrets/vault.key secrets/made
  chown 99:99 secrets/proxy.pem
else
  echo 'make-secrets: not root: the files are yours, and the containers cannot read them' >&2
fi
