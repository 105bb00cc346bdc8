#!/bin/bash
# An account that is purged with 200,000 files and a process that makes more, and a site that goes while its tenant fills
# it: neither holds up the suspension of another account nor a new one.
set -euo pipefail
# shellcheck source=tests/lab/tap.sh
. "$(dirname -- "$(readlink -f -- "$0")")/../lab/tap.sh"
[[ -n ${DEB:-} ]] || { skip "removals and the accounts beside them" "no package was built"; finish; }
files=200000

# apply NAME REST [OPTION...]
apply() {
    local name=$1 rest=$2
    shift 2
    printf 'kind: account\nname: %s\n%s\n' "$name" "$rest" | in_lab_sh 'cat >/root/spec.yaml; genesisctl apply -f /root/spec.yaml "$@"' "$@"
}
account() { apply "$1" "state: ${2:-active}
sites: [{domain: $1.example, php: {}}]"; }
wait_for() { in_lab genesisctl wait "account/$1" --for=ready --timeout 300s; }
milliseconds() { date +%s%3N; }
# suspend_and_make NAME NEW: how long it takes, in milliseconds, until the one is suspended and the other there and ready.
suspend_and_make() {
    local began
    began=$(milliseconds)
    { account "$1" suspended; account "$2"; wait_for "$1"; wait_for "$2"; } >&2
    echo $(($(milliseconds) - began))
}
# fill PATH: as its owner, standing in it, for ten minutes at most.
fill() {
    in_lab_sh 'cd "$1"; owner=$(stat -c %U .)
        setsid -f runuser -u "$owner" -- timeout 600 /bin/bash -c "for ((i = 0; ; i++)); do mkdir -p d\$((i % 500))/e\$((i % 7)); done" >/dev/null 2>&1 </dev/null' "$1"
}

check "the daemon listens" within 20 in_lab_sh 'curl -sf http://127.0.0.1:8444/readyz'
for name in hoarder stayer first second; do account "$name" >/dev/null; done
for name in hoarder stayer first second; do check "$name is ready" wait_for "$name"; done
in_lab_sh 'cd /home/hoarder && runuser -u hoarder -- sh -c "mkdir -p many && cd many && seq $1 | xargs touch"' "$files"
in_lab_sh 'runuser -u hoarder -- sh -c "mkdir /tmp/of-hoarder && cd /tmp/of-hoarder && seq 1000 | xargs touch"'
fill /home/hoarder/many
fill /home/stayer/sites/stayer.example
check_is "the tenant has its files" yes "$(in_lab_sh '(($(find /home/hoarder/many | wc -l) > $1)) && echo yes' "$files")"
uid=$(in_lab id -u hoarder)

alone=$(suspend_and_make first before)
since=$(in_lab date +%s)
# What the probes say from now on, a line a quarter of a second.
in_lab_sh 'setsid -f timeout 600 sh -c "while sleep 0.25; do curl -s -o /dev/null -w \"%{http_code}\n\" http://127.0.0.1:8444/readyz; done" >/root/probed 2>/dev/null </dev/null'
in_lab genesisctl delete account/hoarder --purge >/dev/null
apply stayer "" >/dev/null
in_lab genesisctl reconcile account/stayer --confirm-removals >/dev/null
beside=$(suspend_and_make second after)
echo "# alone $alone ms, beside the removals $beside ms"
# Four times: the two that fill directories take both processors of a small machine.
check "beside them it takes no more than four times as long" test "$beside" -lt $((4 * alone))
gone() { ! in_lab id hoarder && ! in_lab test -e /home/hoarder && ! in_lab genesisctl get account/hoarder; }
check "the account is gone meanwhile, home and user" within 5 gone
check "and the site's directory" within 5 bash -c '! "$@"' - "$LAB" exec "$NAME" -- test -e /home/stayer/sites/stayer.example
check "stayer is ready" wait_for stayer
check_is "readiness was never denied" "" "$(in_lab grep -v '^200$' /root/probed || true)"
failed() { in_lab_sh 'journalctl -u genesisd -o cat --since "@$1" | grep -E "a step failed|driver is late|did not answer" || true' "$since"; }
check_is "no step has failed, and no driver was late" "" "$(failed)"
check_has "the log says what is deleted" "a tree is moved away and will be deleted" "$(in_lab journalctl -u genesisd -o cat --since "@$since")"

check "nobody but root enters what is moved away" test "$(in_lab stat -c '%a %U' /home/.genesis-removed)" = "700 root"
in_lab systemctl kill -s KILL genesisd
deleted() { [[ -z $(in_lab_sh 'ls -A /home/.genesis-removed; find / -xdev -uid "$1" 2>/dev/null; find /tmp /dev/shm /run -uid "$1" 2>/dev/null || true' "$uid") ]]; }
check "after a crash all of it is deleted in the end, with what the user left elsewhere" within 60 deleted
check_is "the process that filled the site's directory has nowhere left to do so" "" "$(in_lab_sh 'find /home/stayer -name "d[0-9]*" | head -n 1')"
in_lab pkill -u stayer || true
check "nothing differs" within 20 in_lab genesisctl drift
finish
