#!/bin/bash
# One account's life on a real server: suspended and back, deleted and back, purged without a trace; removals by number.
set -euo pipefail
# shellcheck source=tests/lab/tap.sh
. "$(dirname -- "$(readlink -f -- "$0")")/../lab/tap.sh"
[[ -n ${DEB:-} ]] || { skip "the life of an account" "no package was built"; finish; }
address=$("$LAB" address "$NAME")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
who=lifeco domain=lifeco.example

in_lab ssh-keygen -q -t ed25519 -N '' -C owner -f /root/key
key=$(in_lab cat /root/key.pub)
# spec STATE
spec() {
    cat <<SPEC
kind: account
name: $who
state: $1
sites:
  - {domain: $domain, php: {}, tls: {mode: self_signed}}
databases:
  - {name: shop, users: [{name: web, password: pw-of-$who}]}
ssh: {access: shell, keys: ["$key"]}
SPEC
}
apply() { spec "$1" >"$scratch/spec.yaml" && "$LAB" copy "$NAME" "$scratch/spec.yaml" /root/spec.yaml && in_lab genesisctl apply -f /root/spec.yaml --wait --timeout 300s; }
http() { local scheme=$1; shift; curl -sk --max-time 120 --resolve "$domain:80:$address" --resolve "$domain:443:$address" "$@" "$scheme://$domain/"; }
code() { http "$1" -o /dev/null -w '%{http_code}' || true; }
login() { login_as "$who" "$@"; }
login_as() { local name=$1; shift; in_lab ssh -i /root/key -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "$name@127.0.0.1" "$@"; }
sql() { in_lab mariadb -u "${who}_web" "-ppw-of-$who" -NBe "$1" "${who}_shop"; }
files() { in_lab_sh 'cd "$1" && find . -type f ! -path "./.ssh/*" -exec sha256sum {} + | sort' "/home/$who"; }
processes() { in_lab ps -o pid=,args= -u "$uid" || true; }
# A loop in a session that stays open, and what goes on when its session has ended.
run_something() {
    in_lab_sh 'setsid ssh -i /root/key -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
        "$1@127.0.0.1" "while true; do sleep 1; done" >/dev/null 2>&1 </dev/null &' "$who"
    login 'setsid sleep 7777 >/dev/null 2>&1 </dev/null &'
    check "$1 it runs a loop in an open session and something in the background" within 20 in_lab_sh \
        '[[ $(ps -o args= -u "$1") == *"while true"* ]] && pgrep -u "$1" -f "sleep 7777"' "$uid"
}
open_sessions() { in_lab_sh 'ps -eo args= | grep "^ssh .*$1@" || true' "$who"; }
# ended WHEN
ended() {
    check "$1 what it ran is ended" within 20 in_lab_sh '[[ -z $(ps -o pid= -u "$1") ]]' "$uid"
    check_is "$1 its open session is closed" "" "$(open_sessions)"
    check "$1 a neighbour's process runs on" in_lab pgrep -u nextco -f 'sleep 8888'
    check "$1 nothing differs" within 20 in_lab genesisctl drift
}
# as_before WHEN
as_before() {
    check_is "$1 the page is PHP as the tenant over HTTPS" "as $who</footer>" "$(http https | grep -o "as $who</footer>" || true)"
    check_is "$1 and over HTTP" 200 "$(code http)"
    check_is "$1 the key logs in" "$who" "$(login id -un 2>&1 || true)"
    check_is "$1 the database user gets in and finds the row" 42 "$(sql 'SELECT n FROM t' 2>&1 || true)"
    check_is "$1 the number is the same" "$uid" "$(in_lab id -u "$who" 2>&1 || true)"
    check_is "$1 every file is as it was" "$kept" "$(files)"
    check_is "$1 nothing differs" "no drift" "$(in_lab genesisctl drift)"
}
# closed WHEN
closed() {
    check_is "$1 PHP's sockets are gone" "" "$(in_lab_sh 'find /run/genesis/php -type s -path "*$1*"; systemctl list-units --plain --no-legend "genesis-php-$1*"' "$who")"
    check_is "$1 no process of the tenant is left" "" "$(processes)"
    check_not "$1 the key does not log in" login true
    check_has "$1 the database user is locked out" "ERROR 4151" "$(sql 'SELECT 1' 2>&1 || true)"
    check_is "$1 every file is untouched" "$kept" "$(files)"
    check_is "$1 so are the rows" 42 "$(in_lab mariadb -NBe "SELECT n FROM ${who}_shop.t")"
}

check "the account becomes ready" apply active
uid=$(in_lab id -u "$who")
in_lab_sh 'runuser -u "$1" -- sh -c "echo mine >~/sites/$2/public/own.txt; echo note >~/note; chmod 600 ~/note"' "$who" "$domain"
sql 'CREATE TABLE t (n INT); INSERT INTO t VALUES (42)'
kept=$(files)
as_before "at first"
check "at first PHP runs as the tenant" in_lab pgrep -u "$uid" php-fpm
check "a neighbour becomes ready" in_lab_sh 'printf "kind: account\nname: nextco\nssh: {access: shell, keys: [\"%s\"]}\n" "$1" >/root/nextco.yaml
    genesisctl apply -f /root/nextco.yaml --wait --timeout 300s' "$key"
login_as nextco 'setsid sleep 8888 >/dev/null 2>&1 </dev/null &'
run_something "before it is suspended"

check "it is suspended" apply suspended
check_is "suspended it answers 503 over HTTPS" 503 "$(code https)"
check_is "suspended it answers 503 over HTTP" 503 "$(code http)"
check_has "suspended it shows a page that says so" "suspended" "$(http https)"
ended suspended
closed suspended
check_has "suspended it is shown so" suspended "$(in_lab genesisctl get "account/$who")"
check "it is active again" apply active
as_before "unsuspended"

run_something "before it is deleted"
check "it is deleted" in_lab genesisctl delete "account/$who"
check_is "deleted its site is gone at once" 421 "$(within 20 in_lab_sh '! curl -sk --resolve "$1:443:127.0.0.1" "https://$1/" | grep ready >/dev/null' "$domain"; code https)"
check "deleted its PHP ends" within 20 in_lab_sh '! test -e "/run/genesis/php/$1"' "$who"
check "deleted its database user is locked" within 20 in_lab_sh '! mariadb -u "$1_web" "-ppw-of-$1" -e "SELECT 1"' "$who"
ended deleted
closed deleted
check "applied again, it comes back" apply active
as_before "brought back"

# What a tenant may leave about: processes, files where everybody may write, jobs.
login 'setsid sleep 1000 >/dev/null 2>&1 </dev/null & nohup setsid sh -c "trap : TERM HUP; sleep 1000; sleep 1000" >/dev/null 2>&1 </dev/null &'
login 'for d in /tmp /var/tmp /dev/shm; do mkdir -p $d/of-mine/deep; echo x >$d/of-mine/deep/f; echo x >$d/lifeco-file; done
    ipcmk -Q >/dev/null 2>&1; echo "7 7 7 7 7 true" | crontab -; echo true | at -q b now + 1 day 2>/dev/null; true'
check_is "the tenant has left processes, files and a crontab about" "yes yes yes" \
    "$(in_lab_sh 'pgrep -u "$1" sleep >/dev/null && echo yes; [[ $(find /tmp /var/tmp /dev/shm -user "$2" | wc -l) -ge 12 ]] && echo yes; test -s "/var/spool/cron/crontabs/$2" && echo yes' "$uid" "$who" | xargs)"

check "it is purged" in_lab genesisctl delete "account/$who" --purge --wait --timeout 300s
check_is "purged there is no process of its number" "" "$(processes)"
swept() { [[ -z $(in_lab ls -A /home/.genesis-removed /var/log/genesis/.genesis-removed | grep -v -e :$ -e '^$' || true) ]]; }
check "purged what it left is deleted soon" within 20 swept
check_is "purged there is no file of its number, on any file system" "" "$(in_lab_sh '
    findmnt -rno TARGET,FSTYPE | grep -vE " (proc|sysfs|cgroup2?|devpts|bpf|tracefs|debugfs|configfs)$" | cut -d" " -f1 |
        while read -r at; do find "$at" -xdev \( -uid "$1" -o -gid "$1" \) -print 2>/dev/null; done' "$uid" || true)"
check_is "purged nothing bears its name, but logs of the system itself" "" \
    "$(in_lab_sh 'find / -xdev -name "*$1*" ! -path "/proc/*" ! -path "/root/*" ! -path "/var/log/journal/*"; find /run /dev /tmp -name "*$1*"' "$who" || true)"
check_is "purged no user, group, subordinate number or crontab" "" \
    "$(in_lab_sh 'cd /etc; grep -Hs "$1\|:$2:" passwd shadow group gshadow subuid subgid; ls /var/spool/cron/crontabs /var/spool/cron/atjobs /var/mail | grep -vE ":$|^$|^\.SEQ$"' "$who" "$uid" || true)"
check_is "purged nothing in /etc names it" "" "$(in_lab_sh 'grep -rIls "$1" /etc --exclude="*-" || true' "$who")"
check_is "purged MariaDB knows nothing of it" "" "$(in_lab mariadb -NBe "SHOW DATABASES LIKE '$who%'; SELECT User FROM mysql.global_priv WHERE User LIKE '$who%'
    UNION ALL SELECT Db FROM mysql.db WHERE User LIKE '$who%' OR Db LIKE '$who%' UNION ALL SELECT Db FROM mysql.tables_priv WHERE User LIKE '$who%'")"
check_is "purged Apache serves nothing of it" "" "$(in_lab_sh 'apache2ctl -D DUMP_VHOSTS 2>&1 | grep "$1" || true' "$who")"
check_is "purged over HTTPS its name is unknown" 421 "$(code https)"
check_is "purged systemd has no unit of it" "" \
    "$(in_lab_sh 'systemctl list-unit-files --no-legend "genesis-*$1*"; systemctl list-units --all --plain --no-legend "genesis-*$1*" "user*$2*"' "$who" "$uid")"
check_is "purged no message queue of its number is left" "" "$(in_lab_sh 'ipcs -q -c | awk -v u="$1" "\$3 == u || \$5 == u"' "$uid")"
check_is "purged it is not listed" "" "$(in_lab_sh 'genesisctl get accounts 2>/dev/null | grep "$1" || true' "$who")"
check_is "purged nothing differs" "no drift" "$(in_lab genesisctl drift)"
check "a new account of its name becomes ready" apply active
check "with another number" test "$(in_lab id -u "$who")" -gt "$uid"
check_is "and none of the old data" "" "$(in_lab_sh 'ls /home/$1/note /home/$1/sites/*/public/own.txt 2>/dev/null || true; mariadb -NBe "SHOW TABLES IN $1_shop"' "$who")"

# More removals in one plan than the operator allowed.
in_lab_sh 'echo "max_removals: 2" >>/etc/genesis/genesis.yaml; systemctl restart genesisd
    for n in small1 small2 small3; do printf -- "---\nkind: account\nname: %s\n" $n; done >/root/small.yaml; genesisctl apply -f /root/small.yaml --wait --timeout 300s' >/dev/null
in_lab genesisctl delete account/small1 account/small2 account/small3 --purge >/dev/null
small() { full_pass >&2; in_lab_sh 'id -un small1 && id -un small2 && id -un small3 && ls -d /home/small[123]' 2>/dev/null | xargs; }
standing="small1 small2 small3 /home/small1 /home/small2 /home/small3"
check_is "three accounts deleted at once, two being allowed, all stand" "$standing" "$(small)"
check_has "the plan says why" "3 objects would be removed, more than 2" "$(in_lab genesisctl plan)"
check_has "so does the drift report" "3 objects would be removed, more than 2" "$(in_lab genesisctl drift || true)"
check_is "which exits with 3" 3 "$(in_lab genesisctl drift >/dev/null && echo 0 || echo $?)"
in_lab genesisctl reconcile account/small1 >/dev/null
in_lab genesisctl reconcile --all >/dev/null
in_lab systemctl restart genesisd
check_is "looking again, at one or at all, or a restart lets nothing go" "$standing" "$(small)"
in_lab genesisctl reconcile --all --confirm-removals >/dev/null
check "confirmed, they go" in_lab genesisctl wait account/small1 account/small2 account/small3 --for=gone --timeout 300s
check_is "without a trace in passwd or /home" "" "$(in_lab_sh 'grep ^small /etc/passwd; ls /home | grep small || true')"
check_is "nothing failed" running "$(in_lab systemctl is-system-running || true)"
finish
