#!/bin/bash
# A page that runs for minutes holds up the change of its own account's PHP, and nothing of anybody else's.
# shellcheck disable=SC2016
set -euo pipefail
here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=tests/lab/tap.sh
. "$here/../lab/tap.sh"
# shellcheck source=tests/fault/measure.sh
. "$here/measure.sh"
[[ -n ${DEB:-} ]] || { skip "a page that runs for minutes" "no package was built"; finish; }
address=$("$LAB" address "$NAME")

apply() { in_lab_sh 'cat >/root/spec.yaml; genesisctl apply -f /root/spec.yaml' >/dev/null 2>&1; }
page() { curl -sk --max-time 60 --resolve "$1.example:443:$address" "https://$1.example/" | grep -q "as $1<"; }
# sites NAME MORE...: its site, and one for each word more.
sites() {
    local name=$1 domain
    shift
    echo 'sites:'
    for domain in "$name.example" "${@/%/.$name.example}"; do printf '  - {domain: %s, php: {}}\n' "$domain"; done
}
# Of each account one request of a page that goes on for five minutes, whatever becomes of whom asked.
begin_slow() {
    in_lab_sh 'for name; do
        at=/home/$name/sites/$name.example/public
        runuser -u "$name" -- tee "$at/slow.php" >/dev/null <<"PHP"
<?php ignore_user_abort(true); set_time_limit(0); $t = time(); while (time() - $t < 300) sleep(1);
PHP
        curl -sk --max-time 1 --resolve "$name.example:443:127.0.0.1" "https://$name.example/slow.php" -o /dev/null || true
    done' "$@"
}
runs() { in_lab_sh 'systemctl is-active --quiet "genesis-php-$1-$2.service"' "$1" "$version"; }
stops() { [[ $(in_lab systemctl show -P ActiveState "genesis-php-$1-$version.service") == deactivating ]]; }
says() { in_lab_sh 'genesisctl get "account/$1" -o json | tr -d "\n" | grep -c "its requests under way end" >/dev/null' "$1"; }
accounts() { local name; for name; do echo ---; account "$name" "$(site "$name")"; done; }
# beside_ms NAME...: one after the other these get a site more, for which their masters are to stop, each beside a new
# account; the median of the times in which those were ready.
beside_ms() {
    local name
    for name; do
        account "$name" "$(sites "$name" more)" | apply
        account "beside$name" "$(site "beside$name")" | ready_ms "account/beside$name" || return
    done | sort -n | sed -n "$((($# + 1) / 2))p"
}

check "the daemon listens" within 20 in_lab_sh 'curl -sf http://127.0.0.1:8444/readyz'
version=$(php_version)
slow=(slow1 slow2 slow3 slow4 slow5) quick=(quick1 quick2 quick3 quick4 quick5)
accounts "${slow[@]}" "${quick[@]}" gone held | apply
check "accounts with sites are ready" within 60 all_ready
for name in "${quick[@]}"; do check "its master runs, for it was asked for a page: $name" page "$name"; done
without=$(beside_ms "${quick[@]}")

begin_slow "${slow[@]}" gone held
check "the page runs" runs slow1
with=$(beside_ms "${slow[@]}")
check "the master of one whose page runs is stopping" stops slow5
check "its account is in progress, and says what goes on" says slow5
# At once: one that is removed, and one whose tenant has stopped its processes.
in_lab_sh 'pkill -STOP -u held php-fpm' || true
account held "$(sites held more)" | apply
in_lab genesisctl delete account/gone --purge >/dev/null 2>&1
both=$(account besides "$(site besides)" | ready_ms account/besides)
for name in "${slow[@]}" held; do check "within the time its page had, each is as wanted: $name" in_lab genesisctl wait "account/$name" --for=ready --timeout 60s; done
check "and served" within 10 page slow1
check "the one that is to go is gone" within 30 in_lab_sh '! id gone 2>/dev/null'
check "and nothing differs" within 10 no_drift
check_as_fast "beside a page that runs long a new account is ready as fast as beside one that does not" "$with" "$without" "$without"
check_as_fast "and beside one that is removed and one that is stopped" "$both" "$without" "$without"

# The daemon's end and start in the middle of it.
begin_slow slow1
account slow1 "$(sites slow1 more another)" | apply
check "its master is to stop once more" within 5 stops slow1
in_lab systemctl restart genesisd
check "a daemon that is started meanwhile sees it" within 5 says slow1
check "and brings it to its end" in_lab genesisctl wait account/slow1 --for=ready --timeout 60s
check "and nothing differs" within 20 no_drift
finish
