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
slow=3

apply() { in_lab_sh 'cat >/root/spec.yaml; genesisctl apply -f /root/spec.yaml' >/dev/null 2>&1; }
page() { curl -sk --max-time 60 --resolve "$1.example:443:$address" "https://$1.example/" | grep -q "as $1<"; }
with_php() { site "$1"; }
sites() { printf 'sites: [{domain: %s.example, php: {}}, {domain: more.%s.example, php: {}}]' "$1" "$1"; }
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
several() { local i; for ((i = 1; i <= slow; i++)); do echo "slow$i"; done; }

check "the daemon listens" within 20 in_lab_sh 'curl -sf http://127.0.0.1:8444/readyz'
version=$(php_version)
for name in $(several) gone held; do account "$name" "$(site "$name")" | apply; done
for name in $(several) gone held; do check "an account with a site is ready: $name" in_lab genesisctl wait "account/$name" --for=ready --timeout 120s; done
before=$(median_ready_ms before with_php)

# One after the other their masters are to stop for a site more, each beside a new account; then at once that of one that
# is removed, and of one whose tenant has stopped its processes.
# shellcheck disable=SC2046
begin_slow $(several) gone held
check "the page runs" runs slow1
beside=""
for name in $(several); do
    account "$name" "$(sites "$name")" | apply
    within 5 stops "$name" >/dev/null || not_ok "the master of $name is stopping"
    took=$(account "beside$name" "$(site "beside$name")" | ready_ms "account/beside$name")
    echo "# beside $name: $took ms"
    [[ -n $beside && $beside -ge $took ]] || beside=$took
    [[ $name != slow1 ]] || check "the account whose page runs is in progress, and says what goes on" says slow1
done
in_lab_sh 'pkill -STOP -u held php-fpm' || true
account held "$(sites held)" | apply
in_lab genesisctl delete account/gone --purge >/dev/null 2>&1
took=$(account besides "$(site besides)" | ready_ms account/besides)
echo "# beside one that is removed, and one whose tenant has stopped it: $took ms"
[[ $beside -ge $took ]] || beside=$took
for name in $(several) held; do check "within the time its page had, each is as wanted: $name" in_lab genesisctl wait "account/$name" --for=ready --timeout 60s; done
for name in $(several) held; do check "and served: $name" within 10 page "$name"; done
check "the one that is to go is gone" within 30 in_lab_sh '! id gone 2>/dev/null'
check "and nothing differs" within 10 no_drift
check_as_fast "new accounts were ready meanwhile as fast as without, the slowest of them" "$beside" "$before" "$(median_ready_ms after with_php)"

# The daemon's end and start in the middle of it.
begin_slow slow1
account slow1 "$(site slow1)" | apply
check "its master is to stop once more" within 5 stops slow1
in_lab systemctl restart genesisd
check "a daemon that is started meanwhile sees it" within 5 says slow1
check "and brings it to its end" in_lab genesisctl wait account/slow1 --for=ready --timeout 60s
check "and nothing differs" within 20 no_drift
finish
