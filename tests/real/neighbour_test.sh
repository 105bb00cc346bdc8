#!/bin/bash
# Accounts of spec files, and what one tenant can see and reach of another: PHP, files, sockets, SFTP and shell.
# shellcheck disable=SC2016
set -euo pipefail
# shellcheck source=tests/lab/tap.sh
. "$(dirname -- "$(readlink -f -- "$0")")/../lab/tap.sh"
[[ -n ${DEB:-} ]] || { skip "two neighbours" "no package was built"; finish; }
address=$("$LAB" address "$NAME")

g() { in_lab genesisctl "$@"; }
web() { local host=$1 path=$2; shift 2; curl -sk --max-time 20 --resolve "$host:443:$address" "$@" "https://$host$path" || true; }
status_of() { web "$1" "$2" -o /dev/null -w '%{http_code}'; }
answers() { [[ $(status_of "$1" "$2") == "$3" ]] || { status_of "$1" "$2"; return 1; }; }
# save FILE: what comes in, as a file of the lab, moved there whole.  upload TENANT FILE: the same as the tenant.
save() { in_lab_sh 'cat >/root/new; mv /root/new "$1"' "$1"; }
upload() { in_lab runuser -u "$1" -- /bin/bash -c 'cat >"$1"' bash "$2"; }
ready() { check "$1 is ready" within 30 in_lab genesisctl wait "account/$1" --timeout 20s; }
generation() { g get account/filed -o json | sed -n 's/^ *"generation": *\([0-9]*\).*/\1/p' | head -n 1; }

# ---- spec files
filed() { printf 'kind: account\nname: filed\nsites: [{domain: filed.example, aliases: [%s], php: none}]\n' "$1"; }
file=/etc/genesis/specs/filed.yaml
filed '' | save $file
ready filed
check_has "a spec file makes an account" "filed.example is ready" "$(web filed.example /)"
upload filed /home/filed/sites/filed.example/public/x.php <<<'<?php echo "source";'
check_not "a site without PHP does not show the source" grep -q source <<<"$(web filed.example /x.php)"
check_has "nor serve it" "$(status_of filed.example /x.php)" "403 404"
filed www.filed.example | save $file
check "changing the file changes the account" within 20 answers www.filed.example / 200
old=$(generation)
{ filed also.filed.example; echo 'sitez: []'; } | save $file
check "an invalid version is reported with file and pointer" within 10 in_lab_sh 'journalctl -u genesisd -o cat | grep "filed.yaml" | grep -q /sitez'
sleep 1
check_is "and the last good one stays in force" "200 $old" "$(status_of www.filed.example /) $(generation)"
filed www.filed.example | save /root/filed.yaml
said=$(g apply -f /root/filed.yaml 2>&1) && code=0 || code=$?
check_is "apply of the same account is refused" 1 "$code"
check_has "naming the file" filed.yaml "$said"
check_not "and so is delete" in_lab genesisctl delete account/filed
in_lab systemctl restart genesisd
check "after a restart, with the file still invalid, the last good one is in force" within 20 answers www.filed.example / 200
filed www.filed.example | save $file
ready filed
in_lab rm $file
check "removing the file ends the site" within 20 answers filed.example / 421
check_has "the account is being removed" '"terminating": "2' "$(g get account/filed -o json)"
check "its data waits for the end of the grace" in_lab test -e /home/filed/sites/filed.example/public/x.php
filed '' | save $file
check "the same file brings it back whole" within 20 answers filed.example / 200
check "with its data" in_lab test -e /home/filed/sites/filed.example/public/x.php

# ---- two tenants
in_lab_sh 'ssh-keygen -q -t ed25519 -N "" -f /root/key; ssh-keygen -q -t ed25519 -N "" -f /root/other'
key=$(in_lab cat /root/key.pub)
for name in acme beta; do
    [[ $name == acme ]] && access=sftp || access=shell
    printf 'kind: account\nname: %s\nsites: [{domain: %s.example, php: {version: "8.2"}}]\nssh: {access: %s, keys: ["%s"]}\n---\n' $name $name $access "$key"
done | save /root/both.yaml
check "two accounts are made" g apply -f /root/both.yaml --wait --timeout 60s
upload acme /home/acme/sites/acme.example/public/mine.php <<<'<?php echo "acme-only";'
in_lab chmod 0644 /home/acme/sites/acme.example/public/mine.php
check_is "acme's page is served" acme-only "$(web acme.example /mine.php)"
upload beta /home/beta/sites/beta.example/public/spy.php <<'PHP'
<?php error_reporting(0);
$theirs = "/home/acme/sites/acme.example/public/mine.php";
echo file_get_contents($theirs) === false ? "" : "reads the file ", is_dir("/home/acme") ? "sees the home " : "",
    count(glob("/home/*")) > 1 ? "sees homes " : "", include($theirs) ? "includes it " : "",
    symlink("/home/acme", "/home/beta/sites/beta.example/public/link") ? "" : "cannot link ",
    stream_socket_client("unix:///run/genesis/php/acme/acme.example.sock") ? "connects " : "",
    stream_socket_client("unix:///run/genesis/genesis.sock") ? "speaks to Genesis " : "",
    is_readable("/etc/genesis/php/acme-8.2/pools.conf") || is_readable("/etc/genesis/specs") ? "reads the configuration " : "",
    scandir("/etc/genesis/tls") ? "lists certificates " : "", scandir("/var/log/genesis") ? "lists logs " : "",
    is_dir("/proc/1/fd") ? "sees other processes " : "", "end";
PHP
check_is "another tenant's PHP reads, sees, connects to nothing of acme's" end "$(web beta.example /spy.php)"
check_not "nor through a link in its own site" grep -q acme-only <<<"$(web beta.example /link/sites/acme.example/public/mine.php)"
as_beta() { in_lab runuser -u beta -- "$@"; }
check_not "a tenant's shell cannot list acme's home" as_beta ls /home/acme
check_not "nor read a world-readable file in it" as_beta cat /home/acme/sites/acme.example/public/mine.php
check_not "nor connect to acme's PHP socket" as_beta php -r 'exit(@stream_socket_client("unix:///run/genesis/php/acme/acme.example.sock") ? 0 : 1);'
check_not "nor to its own" as_beta php -r 'exit(@stream_socket_client("unix:///run/genesis/php/beta/beta.example.sock") ? 0 : 1);'
check_not "nor list who else has PHP here" as_beta ls /etc/genesis/php
check_not "nor a private key" as_beta cat /etc/genesis/tls/acme.example/key.pem
check_not "nor speak to Genesis" as_beta genesisctl get accounts

# ---- SFTP and shell
remote() { local tool=$1; shift; in_lab timeout 20 "$tool" -q -i "${identity:-/root/key}" -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "$@"; }
echo by-sftp | save /root/page.html
check "SFTP with the key uploads a page" in_lab_sh 'echo "put /root/page.html sites/acme.example/public/page.html" | timeout 20 sftp -q -b - -i /root/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null acme@localhost'
check_is "which is served" by-sftp "$(web acme.example /page.html)"
check_is "and belongs to the tenant" "acme acme" "$(in_lab stat -c '%U %G' /home/acme/sites/acme.example/public/page.html)"
check_is "a command over SSH is not run for SFTP access" "This service allows sftp connections only." \
    "$(remote ssh acme@localhost 'id -un' </dev/null 2>&1 | tr -d '\r\n' || true)"
check_not "nor is a port forwarded" remote ssh -W localhost:80 acme@localhost
check_is "with access: shell it is" beta "$(remote ssh beta@localhost 'id -un' </dev/null || true)"
identity=/root/other check_not "another key is refused" remote ssh beta@localhost true
sed_access() { in_lab sed -i "s/access: $1/access: $2/" /root/both.yaml; }
sed_access shell none
check "access is taken back" g apply -f /root/both.yaml --wait --timeout 30s
check_not "and the key no longer opens" remote ssh beta@localhost true
finish
