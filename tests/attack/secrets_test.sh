#!/bin/bash
# Every secret of a spec is a marker; then everything that is said, logged, run, answered or readable is searched for it.
# shellcheck disable=SC2016
set -euo pipefail
# shellcheck source=tests/lab/tap.sh
. "$(dirname -- "$(readlink -f -- "$0")")/../lab/tap.sh"
[[ -n ${DEB:-} ]] || { skip "secrets" "no package was built"; finish; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# What is said to whom is kept in the server, for root alone, and searched at the end: one file a source.
kept=/root/kept
in_lab mkdir -m 700 "$kept"
save() { in_lab_sh 'umask 077; cat >"$1"' "$1"; }
g() { in_lab genesisctl "$@"; }

# ---- the markers: secret.N in passwords, the lines of private keys; "control" stands in fields that are no secret
marker=Mq7Zx9Kw4T secrets=0
secret() { secrets=$((secrets + 1)); made=$marker$secrets-of-someone; }
key_pair() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj "/CN=$1" -addext "subjectAltName=DNS:$1" \
        -keyout "$scratch/$1.key" -out "$scratch/$1.crt" 2>/dev/null
    sed -n 2,3p "$scratch/$1.key" >>"$scratch/keys"  # the lines that hold the key itself
}
indented() { sed "s/^/          /" "$1"; }
control=cOnTr0lQ8v
# spec NAME [KEY]: an account with every secret there is (the private key its own or another's), and the control where
# anybody may look.
spec() {
    local web report
    secret; web=$made
    secret; report=$made
    cat <<SPEC
kind: account
name: $1
suspend_reason: $control
sites:
  - domain: $1.example
    php: {}
    tls:
      mode: supplied
      certificate: |
$(indented "$scratch/$1.example.crt")
      key: |
$(indented "$scratch/${2:-$1}.example.key")
databases:
  - name: shop
    users: [{name: web, password: $web}, {name: report, password: $report, privileges: read}, {name: made, privileges: read}]
ssh: {access: shell}
SPEC
}
for name in marka markb markc; do key_pair "$name.example"; done
key_pair other.example

# ---- who listens meanwhile
in_lab_sh 'cat >/root/receiver.php <<"PHP"
<?php file_put_contents("/root/kept/webhooks", file_get_contents("php://input") . "\n", FILE_APPEND);
PHP
    umask 077; openssl rand -hex 32 >/root/webhook.key
    printf "webhooks:\n  - {name: here, url: \"http://127.0.0.1:9099/\", kid: hooks, key_file: /root/webhook.key, audience: \"webhook:here\"}\nlog_level: debug\n" >>/etc/genesis/genesis.yaml
    systemd-run --quiet --unit=receiver php -S 127.0.0.1:9099 /root/receiver.php
    systemctl restart genesisd'
check "the daemon listens" within 20 in_lab_sh 'curl -sf http://127.0.0.1:8444/readyz'
# Everything the daemon runs, with its whole environment; and every process there is, again and again.
in_lab_sh 'cat >/root/look <<"LOOK"
#!/bin/bash
# Keeps the command lines and environments that hold what is looked for; none of its own processes has it.
while [[ -e /root/looking ]]; do
    grep -aF -f /root/sought /proc/[0-9]*/cmdline /proc/[0-9]*/environ >>/root/kept/processes 2>/dev/null
    echo >>/root/looks
    sleep 0.02
done
LOOK
    cat >/root/follow <<"FOLLOW"
#!/bin/bash
# All events from the first on, and again whenever the stream ends, as it does when keys change.
while [[ -e /root/looking ]]; do
    curl -sN --unix-socket /run/genesis/genesis.sock "http://localhost/v1/events?after=0" >>/root/kept/events
    sleep 0.2
done
FOLLOW
    chmod 700 /root/look /root/follow; touch /root/looking /root/looks'
printf '%s\n%s\n' "$marker" "$control" | cat - "$scratch/keys" | save /root/sought
in_lab_sh 'systemd-run --quiet --unit=looks /root/look
    systemd-run --quiet --unit=traces strace -f -qq -v -s 65536 -e trace=execve -o /root/kept/execve -p "$(systemctl show -P MainPID genesisd)"
    systemd-run --quiet --unit=follows /root/follow'
traced() { in_lab_sh '! grep -q "^TracerPid:[[:space:]]*0$" "/proc/$(systemctl show -P MainPID genesisd)/status"'; }
check "what the daemon runs is seen" within 20 traced
check "so are command lines and environments" in_lab timeout 300 env "SHOWN=$control" /bin/bash -c '
    for kind in cmdline environ; do
        until grep -aqE "^/proc/[0-9]+/$kind:" /root/kept/processes; do sleep 0.05; done
    done' "$control"

# ---- specs by the API and by file, wrong ones too
spec marka >"$scratch/marka.yaml"
spec markb >"$scratch/markb.yaml"
save /root/marka.yaml <"$scratch/marka.yaml"
kept_as() { local as=$1; shift; in_lab_sh 'as=$1; shift; "$@" >>"/root/kept/$as" 2>&1 || true' "$as" "$@"; }
kept_as ctl genesisctl validate -f /root/marka.yaml
kept_as ctl genesisctl plan -f /root/marka.yaml -o json
check "specs with every secret marked are accepted" g apply -f /root/marka.yaml
kept_as ctl genesisctl diff -f /root/marka.yaml
save /etc/genesis/specs/markb.yaml <"$scratch/markb.yaml"
check "the spec file is taken" within 20 g get account/markb
check "and both are made" g wait account/marka account/markb --for=ready --timeout 300s
key=$scratch/api.key
(umask 077; make_key billing admin >"$key")
cat "$key" >>"$scratch/keys"
secret
printf '{"databases": [{"name": "shop", "users": [{"name": "web", "password": "%s"}]}]}' "$made" >"$scratch/load.json"
load billing "$key" puts --objects "accounts:loaded:1:$scratch/load.json" --record "$scratch/record" >/dev/null
check "one came over HTTPS" g wait account/loaded0 --for=ready --timeout 300s

# put WHAT JSON: what the API says to a spec that is wrong, over the socket.
put() {
    printf '%s' "$2" | in_lab_sh 'cat >/root/body.json; curl -s --unix-socket /run/genesis/genesis.sock -X PUT -H "Content-Type: application/json" \
        --data-binary @/root/body.json "http://localhost/v1/accounts/wrong" >>/root/kept/refusals; rm /root/body.json; echo >>/root/kept/refusals'
}
users() { printf '{"contact": "%s@a.example", "databases": [{"name": "shop", "users": [{"name": "web", %s}]}]}' "$control" "$1"; }
secret; put "a list for a password" "$(users "\"password\": [\"$made\"]")"
secret; put "an object for a password" "$(users "\"password\": {\"$made\": \"$made\"}")"
secret; put "a password with a line's end" "$(users "\"password\": \"$made\\n\"")"
secret; put "a password of a thousand letters" "$(users "\"password\": \"$made$(printf '%01000d' 0)\"")"
secret; put "a password under another name" "$(users "\"passwort\": \"$made\"")"
secret; put "a password twice" "$(users "\"password\": \"$made\", \"password\": \"$made\"")"
secret; put "a password for a name" "$(users "\"password\": \"good-enough\", \"privileges\": \"$made\"")"
secret; put "no JSON after a password" "$(users "\"password\": \"$made\"")]"
secret; put "a key that is none" "{\"contact\": \"$control\", \"sites\": [{\"domain\": \"wrong.example\", \"tls\": {\"mode\": \"supplied\", \"certificate\": \"x\", \"key\": \"$made\"}}]}"
check "wrong specs were refused" in_lab_sh '! grep -vE "\"status\":4|^$" /root/kept/refusals'
sed 's/privileges: read/privileges: most/' "$scratch/markb.yaml" | sed 's/^name: .*/name: wrong/' | in_lab_sh 'cat >/etc/genesis/specs/wrong.yaml'
check "a wrong file is reported" within 10 in_lab_sh 'journalctl -u genesisd -o cat | grep wrong.yaml >/dev/null'
kept_as ctl genesisctl apply -f /etc/genesis/specs/wrong.yaml
in_lab rm /etc/genesis/specs/wrong.yaml

# ---- what cannot be made, drifts, and is repaired: errors and differences would have much to quote
spec markc other >"$scratch/markc.yaml"
save /root/markc.yaml <"$scratch/markc.yaml"
in_lab systemctl stop mariadb
kept_as ctl genesisctl apply -f /root/markc.yaml
full_pass
kept_as ctl genesisctl get accounts -o yaml
check "a key that does not fit is reported" within 10 in_lab_sh 'genesisctl get account/markc | grep "does not match the certificate" >/dev/null'
kept_as ctl genesisctl drift account/markc -o json
in_lab systemctl start mariadb
g pause --all >/dev/null
in_lab_sh 'mariadb -e "SET PASSWORD FOR marka_web@localhost = PASSWORD(\"by-hand\"); DROP USER marka_report@localhost"
    for f in /etc/genesis/tls/*marka*; do [[ -d $f ]] && f=$f/$(ls "$f" | head -n 1); echo broken >>"$f"; done
    rm -rf /etc/genesis/php/marka*'
full_pass
check_is "drift was seen" 3 "$(g drift account/marka >/dev/null && echo 0 || echo $?)"
for format in table json yaml; do
    kept_as ctl genesisctl drift account/marka -o "$format"
    kept_as ctl genesisctl plan account/marka -o "$format"
done
g resume --all >/dev/null
check "and repaired" within 30 in_lab_sh 'genesisctl wait account/marka --timeout 300s && genesisctl drift account/marka'

# ---- every way of asking, every verb
shown=$(g credentials account/marka -o json)
generated=$(grep -oE '"secret": *"[^"]*"' <<<"$shown" | cut -d '"' -f 4)
check_is "a generated secret is shown once" 24 "${#generated}"
kept_as ctl genesisctl credentials account/marka -o json
in_lab_sh '
    paths=$(curl -s http://127.0.0.1:8444/openapi.json | grep -oE "\"/[a-z0-9{}/._-]*\": *\{" | cut -d "\"" -f 2)
    for name in marka markb markc loaded0 wrong; do
        for path in $paths; do
            path=${path/\{name\}/$name}
            [[ $path != /v1/events ]] || continue
            echo "GET $path"
            curl -s --max-time 120 --unix-socket /run/genesis/genesis.sock "http://localhost$path"; echo
        done
    done >/root/kept/replies
    grep -c ^GET /root/kept/replies >/root/asked'
check "every path of the API was asked" test "$(in_lab cat /root/asked)" -ge 60
in_lab_sh '
    for verb in $(genesisctl --help | sed -n "/^Subcommands/,\$p" | grep -oE "^  [a-z-]+"); do
        case $verb in
        apply | validate | plan | diff) more="-f /root/marka.yaml" ;;
        keys) more=list ;;
        completion) more=bash ;;
        pause | resume | adopt | take-over | reconcile | describe | credentials | drift | history) more=account/marka ;;
        get | watch) more=accounts ;;
        wait) more=account/marka ;;
        info | audit) more= ;;
        delete) more=account/nobody ;;
        *) echo "unknown verb: $verb" >>/root/kept/verbs; continue ;;
        esac
        for format in table json yaml spec; do
            echo "== $verb $format"
            timeout 10 genesisctl $verb $more -o $format 2>&1 || true
        done
        echo "== $verb"; timeout 3 genesisctl $verb $more 2>&1 || true
        genesisctl $verb --help
    done >>/root/kept/verbs'
check_not "every verb of genesisctl was asked" in_lab grep "unknown verb" /root/kept/verbs
in_lab_sh 'curl -s http://127.0.0.1:8444/metrics >/root/kept/metrics; curl -s http://127.0.0.1:8444/readyz >/root/kept/readyz
    systemctl cat genesisd >/root/kept/unit; systemctl show genesisd >>/root/kept/unit
    genesisd --print-config >/root/kept/config
    for i in {1..300}; do curl -s http://127.0.0.1:8444/metrics | grep -E "^genesis_webhook_lag_events.* 0$" >/dev/null && break; sleep 0.1; done
    rm /root/looking; systemctl stop follows; journalctl -o export >/root/kept/journal; systemctl stop traces receiver'

# ---- the search. Passwords also as base64 at each place it may begin, in hex and backwards
{
    printf '%s\n' "$marker" "$generated"
    for pad in '' x xx; do printf '%s%s' "$pad" "$marker" | base64 | cut -c 5-12; done
    printf '%s' "$marker" | od -An -tx1 | tr -d ' \n' && echo
    rev <<<"$marker"
    cat "$scratch/keys"
} >"$scratch/secrets"
save /root/secrets <"$scratch/secrets"
check "there are markers of every kind to look for" test "$(wc -l <"$scratch/secrets")" -ge 12
shown() { check "what is no secret is found in $1" in_lab grep -qaF "$2" "$kept/$1"; }
for source in ctl replies verbs; do shown $source "$control"; done
for source in events webhooks metrics; do shown $source account; done
shown refusals /databases/0/users/0/password
shown journal account/marka
check "processes were looked at often" test "$(in_lab_sh 'wc -l </root/looks')" -ge 50
check "a command line and an environment that hold a marker are found" \
    test "$(in_lab_sh 'grep -aoE "^/proc/[0-9]+/(cmdline|environ)" /root/kept/processes | cut -d / -f 4 | sort -u | xargs')" = "cmdline environ"
check "what the daemon ran is known" in_lab grep -q 'execve(.*systemd-sysusers\|execve(.*useradd' "$kept/execve"
check_is "no secret is in any reply, refusal, output, event, webhook, metric, journal line, command line or environment" "" \
    "$(in_lab_sh 'grep -rnaoF -f /root/secrets /root/kept | cut -c 1-300 | sort -u | head -n 20' || true)"

# ---- files. The whole system as root: where secrets must be, they are, for root alone; and nowhere else
everywhere() { in_lab_sh 'grep -rlaF -f "$1" --devices=skip --exclude-dir=proc --exclude-dir=sys --exclude-dir=kept / 2>/dev/null || true' "$1" | sort; }
found=$(everywhere /root/secrets)
echo "# files with secrets: $(xargs <<<"$found")"
check_is "secrets are in spec files, the keys of sites and what this test wrote, nowhere else" "" \
    "$(grep -vE '^(/root/(marka|markc)\.yaml|/root/(secrets|sought)|/etc/genesis/specs/markb\.yaml|/etc/genesis/tls/.*)$' <<<"$found" || true)"
check_has "the search finds the key of a site" /etc/genesis/tls/marka.example/key.pem "$found"
check_has "and the spec file" /etc/genesis/specs/markb.yaml "$found"
# shellcheck disable=SC2086
check_is "of which others can read none" "" "$(in_lab_sh 'for f; do [[ $(stat -c "%A %U" "$f") == -rw-------\ root ]] || stat -c "%n %A %U" "$f"; done' $found)"
check "the store holds the account" in_lab_sh 'grep -qaF "$1" /var/lib/genesis/store.db*' "$control"
check_is "and none of its secrets" "" "$(in_lab_sh 'grep -laF -f /root/secrets /var/lib/genesis/* || true')"
in_lab_sh 'cp /root/secrets /run/secrets; chmod 644 /run/secrets; head -n 1 /root/secrets >/var/tmp/planted; chmod 644 /var/tmp/planted'
for who in markb www-data nobody mysql; do
    check_is "$who finds what was planted for everybody, and nothing else" "/var/tmp/planted" "$(in_lab runuser -u "$who" -- \
        /bin/bash -c 'grep -rlaF -f /run/secrets --devices=skip --exclude-dir=proc --exclude-dir=sys --exclude=secrets / 2>/dev/null' | sort | xargs)"
done
check_is "in the store only certificates are for others too" "" "$(in_lab find /var/lib/genesis /etc/genesis/specs /etc/genesis/tls -type f -perm /077 \
    ! -name chain.pem ! -name api-certificate.pem)"

# ---- the daemon's memory on its way out
# Linux shows which program a process runs to a process that has its user and all of its capabilities; of one that is not
# dumpable only to who may trace any process (ptrace(2), "Ptrace access mode checking").
program_of() {
    in_lab_sh 'setpriv --inh-caps=-sys_ptrace --bounding-set=-sys_ptrace readlink "/proc/$(systemctl show -P MainPID "$1")/exe"' "$1"
}
in_lab_sh 'systemd-run --quiet --unit=dumpable -p "CapabilityBoundingSet=$(systemctl show -P CapabilityBoundingSet genesisd)" sleep infinity'
check "a process with the daemon's rights can be looked at by one that has them too" program_of dumpable
check_not "the daemon cannot: it is not dumpable, so no core of it is made where cores go to a program either" program_of genesisd
check "though it is there" in_lab_sh 'readlink "/proc/$(systemctl show -P MainPID genesisd)/exe"'
check_is "no core is left: the limit is 0" "0 0" "$(in_lab_sh 'awk "/^Max core file size/ { print \$5, \$6 }" "/proc/$(systemctl show -P MainPID genesisd)/limits"')"
aborted=$(in_lab systemctl show -P MainPID genesisd)
in_lab kill -ABRT "$aborted"
another() { in_lab_sh '[[ $(systemctl show -P MainPID genesisd) != "$1" && $(systemctl show -P MainPID genesisd) != 0 ]]' "$aborted"; }
check "aborted, it ends and another begins" within 20 another
check_is "and none is, when it is aborted" "" "$(in_lab find / -xdev \( -name 'core' -o -name 'core.*' -o -path '/var/lib/systemd/coredump/*' \) -type f -newer /root/secrets)"
check "it is up again" within 20 in_lab_sh 'curl -sf http://127.0.0.1:8444/healthz'
finish
