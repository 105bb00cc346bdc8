#!/bin/bash
# Damage by hand, one at a time with repair paused: drift names the field, what is wanted and what is there; resumed, one
# pass mends it, does that and nothing else, and the rest of the server is byte for byte and moment for moment as before.
# shellcheck disable=SC2016
set -euo pipefail
# shellcheck source=tests/lab/tap.sh
. "$(dirname -- "$(readlink -f -- "$0")")/../lab/tap.sh"
[[ -n ${DEB:-} ]] || { skip "damage mended" "no package was built"; finish; }
repo=$(dirname -- "$(readlink -f -- "$0")")/../..
address=$("$LAB" address "$NAME")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

g() { in_lab genesisctl "$@"; }
page() { curl -sk --max-time 20 --resolve "$1:443:$address" "https://$1/" || true; }
watched='/etc/genesis /etc/systemd/system /home /run/genesis/php /etc/passwd /etc/shadow /etc/group /etc/gshadow /root/canary'
# What everything is: kind, mode, owner, bytes; users and grants; units.
what() { in_lab_sh 'find '"$watched"' -printf "%p %y %m %U:%G %l\n" | sort; find '"$watched"' -type f -print0 | sort -z | xargs -0 sha256sum
    mariadb -NBe "SELECT User, Host, JSON_VALUE(Priv, \"\$.access\"), JSON_VALUE(Priv, \"\$.authentication_string\"), JSON_VALUE(Priv, \"\$.account_locked\") FROM mysql.global_priv ORDER BY User, Host
        ; SELECT * FROM mysql.db ORDER BY Db, User; SHOW DATABASES"
    for u in acme_web acme_report beta_web; do mariadb -NBe "SHOW GRANTS FOR $u@localhost"; done
    for u in genesis-acme.slice genesis-beta.slice genesis-php-acme-8.2.socket genesis-php-beta-8.2.socket; do
        systemctl show $u -p Id,ActiveState,UnitFileState,NeedDaemonReload,MemoryMax,TasksMax,DropInPaths; done'; }
# When each file was last changed in bytes or in mode or owner.
when() { in_lab find $watched -printf '%p %T@ %C@\n' | sort; }
history_mark() { g history account/acme --limit 1 | sed -n '2s/ .*//p'; }
done_since() { g history account/acme --limit 100 | awk -v mark="$1" 'NR > 1 && $1 > mark' | sed -E 's/^[^ ]+ +[^ ]+ +//; s/ +(never_converged|spec_changed|drifted) +/ /; s/ +/ /g; s/ $//' | sort; }
no_drift() { [[ $(in_lab genesisctl drift) == "no drift" ]]; }

# damaged WHAT SCRIPT DRIFT STEPS TOUCHED [RENEWED]: DRIFT is a pattern of what drift says, STEPS exactly what history then
# has, TOUCHED and RENEWED are what of the files may get a new time, and new bytes.
damaged() {
    local what=$1 script=$2 drift=$3 steps=$4 touched=$5 renewed=${6:-^$} said code=0 mark
    g pause account/acme >/dev/null
    what >"$scratch/what" && when >"$scratch/when"
    mark=$(history_mark)
    in_lab_sh "$script" >/dev/null || not_ok "$what"
    said=$(g drift account/acme 2>&1) || code=$?
    # shellcheck disable=SC2053
    if [[ $code == 3 && $said == $drift ]]; then ok "$what: drift names it"; else not_ok "$what: drift names it" "exit code $code, wanted $drift, got: $said"; fi
    check_is "$what: while paused it stays" "" "$(done_since "$mark")"
    g resume account/acme >/dev/null && g reconcile account/acme >/dev/null
    check "$what: reconcile mends it" within 15 no_drift
    check_is "$what: in one pass, and does nothing else" "$(sort <<<"$steps")" "$(done_since "$mark" | sed 's/ done$//')"
    what >"$scratch/what.now" && when >"$scratch/when.now"
    check_is "$what: all is as it was" "" "$(diff "$scratch/what" "$scratch/what.now" | grep '^[<>]' | grep -vE "$renewed" || true)"
    check_is "$what: and nothing else was touched" "" "$(diff "$scratch/when" "$scratch/when.now" | sed -n 's/^[<>] \([^ ]*\) .*/\1/p' | sort -u | grep -vE "^($touched)\$" || true)"
}

"$LAB" copy "$NAME" "$repo/specs/examples/acme.yaml" /root/acme.yaml
in_lab_sh 'echo canary >/root/canary; chmod 600 /root/canary; mariadb -e "CREATE DATABASE other"
    echo "{kind: account, name: beta, sites: [{domain: beta.example, php: {version: \"8.2\"}}], databases: [{name: shop, users: [{name: web, password: beta-beta-beta}]}]}" >/root/beta.yaml'
check "two accounts are ready" g apply -f /root/acme.yaml -f /root/beta.yaml --wait --timeout 60s
check_has "the site answers" "as acme</footer>" "$(page acme.example)"

sites=/etc/genesis/apache site=site/acme.example tree='/etc/genesis/apache(/.*)?'
damaged "a vhost file edited" "sed -i 's/DocumentRoot .*/DocumentRoot \"\/root\"/' $sites/sites/acme.example.conf" \
    "*$site: *drifted*/vhost_file: *DocumentRoot*/root* -> intact*" "update $site" "$tree"
damaged "a vhost file deleted" "rm $sites/sites/acme.example.conf" "*$site: *drifted*is missing*/domain: *acme.example*" "create $site" "$tree"
damaged "a vhost file's mode changed" "chmod 0666 $sites/sites/acme.example.conf" "*$site: *drifted*/vhost_file: *0666* -> intact*" "update $site" "$tree"
php=php_service/acme-8.2 units=/etc/systemd/system run='/run/genesis/php/acme(/.*)?'
damaged "a pool file truncated" ': >/etc/genesis/php/acme-8.2/pools.conf' "*$php: *drifted*/config: * -> intact*" "update $php" "/etc/genesis/php/acme-8.2(/pools.conf)?|$run"
damaged "a pool's directory opened" 'chmod 0777 /etc/genesis/php/acme-8.2' "*$php: *drifted*/config: *0777* -> intact*" "update $php" "/etc/genesis/php/acme-8.2|$run"
damaged "a PHP service unit edited" "sed -i s/^User=.*/User=root/ $units/genesis-php-acme-8.2.service" "*$php: *drifted*/service_unit: *User=root* -> intact*" \
    "update $php" "$units|$units/genesis-php-acme-8.2.service|$run"
damaged "a socket unit disabled" 'systemctl disable -q genesis-php-acme-8.2.socket' "*$php: *drifted*/enabled: false -> true*" \
    "update $php" "$units/sockets.target.wants(/genesis-php-acme-8.2.socket)?"
damaged "a socket unit stopped and its file deleted" "systemctl disable -q --now genesis-php-acme-8.2.socket; rm $units/genesis-php-acme-8.2.socket" \
    "*$php: *drifted*/socket_unit: * -> intact*/enabled: false -> true*/listening: false -> true*" \
    "update $php" "$units(/genesis-php-acme-8.2.socket)?|$units/sockets.target.wants(/genesis-php-acme-8.2.socket)?|$run"
damaged "a slice's limit edited" "sed -i s/^MemoryMax=.*/MemoryMax=infinity/ $units/genesis-acme.slice; systemctl daemon-reload" \
    "*slice/genesis-acme: *drifted*/file: *MemoryMax=infinity* -> intact*" "update slice/genesis-acme" "$units(/genesis-acme.slice)?"
damaged "a home's mode changed" 'chmod 0777 /home/acme' "*directory//home/acme: *drifted*/mode: 0777 -> 0710*" "update directory//home/acme" /home/acme
damaged "a site's directory closed" 'chmod 0700 /home/acme/sites/acme.example/public' "*/public: *drifted*/mode: 0700 -> 0755*" \
    "update directory//home/acme/sites/acme.example/public" /home/acme/sites/acme.example/public
damaged "a home given to root" 'chown root:root /home/acme' "*directory//home/acme: *drifted*/uid: 0 -> 2*" "update directory//home/acme" /home/acme
damaged "a user's shell changed" 'usermod -s /bin/bash acme' "*unix_user/acme: *drifted*/shell: /bin/bash -> /usr/sbin/nologin*" \
    "update unix_user/acme" "/etc/(passwd|shadow|group|gshadow)"
damaged "a user put into a group of ours" 'usermod -a -G genesis-shell acme' "*unix_user/acme: *drifted*" "update unix_user/acme" "/etc/(passwd|shadow|group|gshadow)"
keys=authorized_keys/acme ssh='/home/acme/.ssh(/authorized_keys)?'
damaged "authorized_keys replaced" 'echo "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA evil" >/home/acme/.ssh/authorized_keys' \
    "*$keys: *drifted*" "update $keys" "$ssh"
damaged "authorized_keys replaced by a link to a file of root's" 'ln -sf /root/canary /home/acme/.ssh/authorized_keys' "*$keys: *drifted*/file: * -> intact*" "update $keys" "$ssh"
damaged "a database user dropped" 'mariadb -e "DROP USER acme_report@localhost"' "*db_user/acme_report: *drifted*is missing*grant/acme_report@acme_shop: *drifted*is missing*" \
    $'create db_user/acme_report\ncreate grant/acme_report@acme_shop' '^$'
damaged "a grant taken away" 'mariadb -e "REVOKE INSERT, DROP ON \`acme\\_shop\`.* FROM acme_web@localhost"' "*grant/acme_web@acme_shop: *drifted*/privileges: *...\"*-> *DROP*INSERT*" \
    "update grant/acme_web@acme_shop" '^$'
damaged "a reader's grant widened" 'mariadb -e "GRANT DELETE ON \`acme\\_shop\`.* TO acme_report@localhost"' "*grant/acme_report@acme_shop: *drifted*/privileges: *DELETE* -> *" \
    "update grant/acme_report@acme_shop" '^$'
damaged "a grant on all databases of like names" 'mariadb -e "GRANT DELETE ON \`acme_shop\`.* TO acme_report@localhost"' "*grant/acme_report@like acme_shop: *drifted*should not be there*DELETE*" \
    "remove grant/acme_report@like acme_shop" '^$'
damaged "a grant on everything" 'mariadb -e "GRANT ALL ON *.* TO acme_web@localhost WITH GRANT OPTION"' "*grant/acme_web@\*: *drifted*should not be there*/privileges*" \
    "remove grant/acme_web@*" '^$'
damaged "a grant on another database" 'mariadb -e "GRANT SELECT ON other.* TO acme_web@localhost"' "*grant/acme_web@other: *drifted*should not be there*/privileges*SELECT*" \
    "remove grant/acme_web@other" '^$'
damaged "a database password changed" 'mariadb -e "ALTER USER acme_web@localhost IDENTIFIED BY \"by-hand\""' "*db_user/acme_web: *drifted*/password_hash: \*\*\*\*\*\*\*\* -> \*\*\*\*\*\*\*\**" \
    "update db_user/acme_web" '^$'
tls=/etc/genesis/tls
damaged "a certificate deleted" "rm -r $tls/acme.example" "*certificate/acme.example: *drifted*" $'create certificate/acme.example\nupdate site/acme.example' \
    "$tree|$tls|$tls/acme.example(/.*)?" "$tls/acme.example/(chain|key).pem|/_genesis.conf"
damaged "a private key made readable" "chmod 0644 $tls/acme.example/key.pem" "*certificate/acme.example: *drifted*/files: *0644* -> intact*" $'update certificate/acme.example\nupdate site/acme.example' \
    "$tree|$tls/acme.example(/.*)?" "/_genesis.conf"

check_has "after all that the site answers" "as acme</footer>" "$(page acme.example)"
check_has "and so does the neighbour's" "as beta</footer>" "$(page beta.example)"
check_is "the passwords are those of the specs" "1 1" "$(in_lab_sh 'echo $(mariadb -u acme_web -pchange-me-please -NBe "SELECT 1" acme_shop) $(mariadb -u beta_web -pbeta-beta-beta -NBe "SELECT 1" beta_shop)')"
check_is "nothing failed" running "$(in_lab systemctl is-system-running || true)"
finish
