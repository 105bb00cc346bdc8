#!/bin/bash
# A bus (dbus-daemon) that answers nobody holds up what systemd must be asked for, and nothing else.
set -euo pipefail
here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=tests/lab/tap.sh
. "$here/../lab/tap.sh"
# shellcheck source=tests/fault/measure.sh
. "$here/measure.sh"
[[ -n ${DEB:-} ]] || { skip "a bus that hangs" "no package was built"; finish; }

g() { in_lab genesisctl "$@"; }
apply() { in_lab_sh 'cat >/root/spec.yaml; genesisctl apply -f /root/spec.yaml' >/dev/null 2>&1; }
page() { curl -sk --max-time 60 --resolve "$1.example:443:$("$LAB" address "$NAME")" "https://$1.example/" | grep -q "as $1<"; }
not_ready() { in_lab_sh 'genesisctl get accounts --ready false | grep -q "^account/$1 "' "$1"; }
# Each account has a slice, which systemd must be asked about when it is new. So what is measured here is a change of
# one that exists: a database with its user and grant, until the user can log in; and it is ready then.
databases() { printf 'databases: ['; printf '{name: %s, users: [{name: %s, password: "pw-of-the-web"}]},' "$@"; printf ']\n'; }
# changed_ms ACCOUNT USER: applies the spec on standard input.
changed_ms() {
    in_lab_sh '
        cat >/root/measured.yaml
        since=$(date +%s%3N)
        genesisctl apply -f /root/measured.yaml >/dev/null
        until mariadb -u "$1_$2" -ppw-of-the-web -e "SELECT 1" >/dev/null 2>&1; do (($(date +%s%3N) - since < 60000)); done
        echo "$(($(date +%s%3N) - since))"
        genesisctl wait "account/$1" --for=ready --timeout 60s >/dev/null 2>&1' "$1" "$2"
}
# median_changed_ms USER NAME...: of five accounts that get the databases NAME; their users have the same names.
median_changed_ms() {
    local i user=$1
    shift
    for i in 1 2 3 4 5; do
        account "plain$i" "$(databases "$@")" | changed_ms "plain$i" "$user" || return
    done | sort -n | sed -n 3p
}

check "the daemon listens" within 20 in_lab_sh 'curl -sf http://127.0.0.1:8444/readyz'
account sited "$(site sited)" | apply
for i in 1 2 3 4 5; do account "plain$i" | apply; done
check "six accounts are ready" within 60 all_ready
before=$(median_changed_ms one one one)

bus=$(in_lab_sh 'pgrep -x dbus-daemon -u messagebus | head -n 1')
in_lab kill -STOP "$bus"
hung() { [[ $(in_lab ps -o state= -p "$bus") == T* ]]; }
account fresh "$(site fresh)"$'\n'"$(database)" | apply
check "what needs systemd is not ready" within 20 not_ready fresh
beside=$(median_changed_ms two one one two two)
home() { in_lab test -d /home/fresh; }
password() { in_lab mariadb -u fresh_web -ppw-of-the-web -e 'SELECT 1'; }
check "a new account has its home" within 20 home
check "and its database" within 20 password
check_is "nothing is said to fail: what waits for systemd is in progress" "" "$(g get accounts | grep degraded || true)"
check_answers "a plan is answered within a second" genesisctl plan account/plain1
check_answers "drift of everything is answered within a second" genesisctl drift
check "sites that were there are served" page sited
check "the bus hangs still" hung

in_lab kill -CONT "$bus"
check_ready_again "once it answers all is ready within ten seconds"
check "the new site is served" within 10 page fresh
check_is "and its socket is there once" 1 "$(in_lab_sh 'systemctl list-units --plain --no-legend "genesis-php*fresh*.socket" | wc -l')"
check "and nothing differs" within 10 no_drift
after=$(median_changed_ms three one one two two three three)
check_as_fast "a change that does not need it was ready meanwhile as fast as without" "$beside" "$before" "$after"
finish
