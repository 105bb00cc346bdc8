#!/bin/bash
# A hostile tenant with a shell and PHP: what it puts in its home, what .htaccess may not reach, names it may not claim.
set -euo pipefail
# shellcheck source=tests/lab/tap.sh
. "$(dirname -- "$(readlink -f -- "$0")")/../lab/tap.sh"
[[ -n ${DEB:-} ]] || { skip "a hostile tenant" "no package was built"; finish; }
address=$("$LAB" address "$NAME")
home=/home/mallory docroot=/home/mallory/sites/mallory.example/public victim=/home/victim/sites/victim.example/public
socket=/run/genesis/php/victim/victim.example.sock

in_lab_sh '
    ssh-keygen -q -t ed25519 -N "" -C owner -f /root/key
    for name in victim mallory witness; do
        printf -- "---\nkind: account\nname: %s\nsites: [{domain: %s.example, php: {settings: {memory_limit: 77M}}}]\nssh: {access: shell, keys: [\"%s\"]}\n" $name $name "$(cat /root/key.pub)"
    done >/root/spec.yaml
    genesisctl apply -f /root/spec.yaml --wait --timeout 300s
    runuser -u victim -- sh -c "echo the-secret >$1/config.txt; echo private >/home/victim/private; chmod 600 /home/victim/private
        cat >$1/ran.php" <<"PHP"
<?php file_put_contents("/home/victim/tmp/ran", "x\n", FILE_APPEND); echo "ran as ", posix_getpwuid(posix_geteuid())["name"];
PHP
    chmod 644 "$1/config.txt"; mkdir -p /root/.ssh; echo "ssh-ed25519 AAAA root" >/root/.ssh/authorized_keys' "$victim" >/dev/null

tenant() { in_lab runuser -u mallory -- /bin/bash -c "cd; $1"; }
page() { curl -sk --max-time 120 --resolve "$1:443:$address" "https://$1$2" || true; }
code() { curl -sk --max-time 120 -o /dev/null -w '%{http_code}' --resolve "$1:443:$address" "https://$1$2" || true; }
# The oracle: every name, owner, mode, size, time and byte outside of what Genesis itself keeps and the attacker owns.
outside() {
    in_lab_sh 'at="/etc /root /usr/local /home/victim"
        find $at -xdev ! -path "/etc/genesis/*" ! -path "/home/victim/tmp*" ! -path "/root/oracle*" -printf "%p %y %m %U %G %s %T@ %l\n" | sort
        find $at -xdev -type f ! -path "/etc/genesis/*" ! -path "/root/oracle*" -exec sha256sum {} + | sort -k 2'
}
unchanged() { local now; now=$("${1:-outside}"); [[ $now == "$before" ]] || { diff <(echo "$before") <(echo "$now"); return 1; }; }
witness_converges() { in_lab_sh 'rm /etc/genesis/apache/sites/witness.example.conf; chmod 777 /home/witness
    genesisctl reconcile account/witness >/dev/null'
    within 10 in_lab_sh 'genesisctl drift account/witness >/dev/null
    test -e /etc/genesis/apache/sites/witness.example.conf && [[ $(stat -c %a /home/witness) == 710 ]]'; }
ready() { in_lab genesisctl wait account/mallory --for=ready --timeout "$1"; }
conditions() { in_lab genesisctl get account/mallory -o json | sed -n '/"conditions"/,/\]/p'; }

# blocked SENTENCE NAMED SETUP UNDO: an obstacle Genesis may not walk through; it says so and goes on when it is gone.
blocked() {
    before=$(outside)
    tenant "$3"
    full_pass
    check "$1: nothing outside of the home is touched" unchanged
    check "$1: other tenants converge meanwhile" witness_converges
    check "$1: nothing outside of the home is touched by that either" unchanged
    check_not "$1: the account is not ready" ready 1s
    check_has "$1: the condition names it" "$2" "$(conditions)"
    tenant "$4"
    in_lab genesisctl reconcile account/mallory >/dev/null
    check "$1: once it is gone the account is ready" ready 300s
}
# mended SENTENCE SETUP: an obstacle in the place of a file that is Genesis's own to replace.
mended() {
    before=$(outside)
    in_lab_sh "$2"
    full_pass
    check "$1: the account is ready" ready 300s
    check "$1: nothing outside of the home is touched" unchanged
    check_is "$1: authorized_keys is a file of the tenant's again" "regular file mallory 600 1" "$(in_lab stat -c '%F %U %a %h' "$home/.ssh/authorized_keys")"
}

blocked "sites in the home as a link to /etc" sites 'mv sites away && ln -s /etc sites' 'rm sites && mv away sites'
blocked "sites in the home as a file" sites 'mv sites away && touch sites' 'rm sites && mv away sites'
blocked ".ssh in the home as a link to /root/.ssh" .ssh 'mv .ssh away && ln -s /root/.ssh .ssh' 'rm .ssh && mv away .ssh'
blocked "the docroot as a link to another home" public 'cd sites/mallory.example && mv public away && ln -s /home/victim public' 'cd sites/mallory.example && rm public && mv away public'
blocked "tmp in the home as a link to /usr/local" tmp 'mv tmp away && ln -s /usr/local tmp' 'rm tmp && mv away tmp'
blocked "authorized_keys as a directory" authorized_keys 'rm .ssh/authorized_keys && mkdir -p .ssh/authorized_keys/deep' 'rm -r .ssh/authorized_keys'
mended "authorized_keys as a link to /etc/shadow" 'runuser -u mallory -- ln -sf /etc/shadow /home/mallory/.ssh/authorized_keys'
mended "authorized_keys as a FIFO" 'runuser -u mallory -- sh -c "cd ~/.ssh && rm authorized_keys && mkfifo authorized_keys"'
mended "authorized_keys as a hard link to the victim's file" 'rm /home/mallory/.ssh/authorized_keys; ln /home/victim/private /home/mallory/.ssh/authorized_keys'
check "the victim's file is still the victim's" in_lab_sh '[[ $(cat /home/victim/private) == private && $(stat -c "%U %a %h" /home/victim/private) == "victim 600 1" ]]'
mended "home, .ssh and authorized_keys open to everybody" 'runuser -u mallory -- chmod 777 /home/mallory /home/mallory/.ssh /home/mallory/.ssh/authorized_keys'

# What .htaccess may not do: have a request executed by the victim's PHP. The victim's script leaves a file when it runs.
in_lab_sh 'runuser -u mallory -- sh -c "echo \"<?php echo (string) posix_getpwuid(posix_geteuid())[\\\"name\\\"];\" >$1/who.php; echo x >$1/x.txt; cp $1/who.php $1/who.xx"' "$docroot"
check_is "the attacker's own PHP runs as the attacker" mallory "$(page mallory.example /who.php)"
htaccess() {
    local said path
    printf '%s\n' "$2" | in_lab_sh 'cat >"$1/.htaccess"' "$docroot"
    for path in /who.php /x.txt /who.xx /ran.php /nothing /; do
        said=$(page mallory.example "$path")
        [[ $said != *"as victim"* && $said != victim* && $said != *the-secret* && $said != *"ran as"* ]] || not_ok "$1 at $path" "$said"
    done
    check_not ".htaccess with $1 reaches nobody else's PHP" in_lab test -e /home/victim/tmp/ran
    in_lab rm -f /home/victim/tmp/ran
}
target="unix:$socket|fcgi://localhost$victim/ran.php"
htaccess SetHandler "SetHandler \"proxy:unix:$socket|fcgi://localhost/\""
htaccess "SetHandler in Files and If" "<FilesMatch .>
SetHandler \"proxy:unix:$socket|fcgi://localhost/\"
</FilesMatch>
<If \"true\">
SetHandler \"proxy:unix:$socket|fcgi://localhost/\"
</If>"
htaccess AddHandler "AddHandler \"proxy:unix:$socket|fcgi://localhost/\" .txt .php .xx"
htaccess AddType "AddType \"proxy:unix:$socket|fcgi://localhost/\" .txt .xx"
htaccess Action "Action x \"proxy:unix:$socket|fcgi://localhost/\"
AddHandler x .txt"
for flag in P "P,L" "H=proxy:unix:$socket|fcgi://localhost/" "T=proxy:unix:$socket|fcgi://localhost/"; do
    htaccess "RewriteRule to a socket [${flag%%:*}]" "RewriteEngine On
RewriteRule ^ \"$target\" [$flag]"
    htaccess "RewriteRule to itself [${flag%%:*}]" "RewriteEngine On
RewriteRule ^x|^who - [$flag]"
    htaccess "RewriteRule to a proxy: address [${flag%%:*}]" "RewriteEngine On
RewriteRule ^ \"proxy:$target\" [$flag]"
done
htaccess "RewriteRule [P] to the victim's site" "RewriteEngine On
RewriteRule ^ http://127.0.0.1/ran.php [P,E=Host:victim.example]"
htaccess "RewriteRule [P] and RequestHeader" "RequestHeader unset Max-Forwards
RewriteEngine On
RewriteRule ^ \"$target\" [P]"
htaccess "SetEnv and ErrorDocument" "SetEnv proxy-fcgi-pathinfo unescape
SetEnv DOCUMENT_ROOT $victim
SetEnv SCRIPT_FILENAME $victim/ran.php
ErrorDocument 404 /ran.php"
htaccess ProxyPass "ProxyPassMatch ^ \"$target\""
in_lab_sh 'printf "<?php echo ini_get(\"memory_limit\");" >"$1/ini.php"
    for v in PHP_ADMIN_VALUE PHP_VALUE; do printf "SetEnv %s memory_limit=99M\nRewriteEngine On\nRewriteRule .* - [E=%s:memory_limit=99M]\n" $v $v; done >"$1/.htaccess"' "$docroot"
check_is "nor do variables overrule what the spec set in php.ini" 77M "$(page mallory.example /ini.php)"
in_lab rm "$docroot/.htaccess"

tenant "cd $docroot && ln -s $victim/config.txt link.txt && ln -s $victim dir && ln -s /etc/passwd passwd.txt && printf 'Options +FollowSymLinks\n' >.htaccess"
check_is "a link to the victim's file is not served" "403 403" "$(code mallory.example /link.txt) $(code mallory.example /dir/config.txt)"
check_is "nor one to a file of the system" 403 "$(code mallory.example /passwd.txt)"
tenant "cd $docroot && rm .htaccess"
check_is "also without .htaccess" "403 403 403" "$(code mallory.example /link.txt) $(code mallory.example /dir/config.txt) $(code mallory.example /passwd.txt)"
check_not "a shell reads nothing of the victim" tenant "cat $victim/config.txt"
check_not "nor connects to its PHP" tenant "curl -s --unix-socket $socket http://x/ || exec 3<>$socket"
check_not "nor reads a certificate's key" tenant "cat /etc/genesis/tls/*/key.pem"
check_not "nor speaks to genesisd" tenant "genesisctl get accounts"
in_lab_sh 'echo "<?php echo @file_get_contents(\"$1/config.txt\"), implode(\",\", (array)@scandir(\"/home\")), (int)(bool)@stream_socket_client(\"unix://$2\"), @file_get_contents(\"/etc/genesis/genesis.yaml\");" >"$3/spy.php"' "$victim" "$socket" "$docroot"
check_is "PHP sees no home but its own, no socket and no configuration" ".,..,mallory0" "$(page mallory.example /spy.php)"
check_is "the victim's own script does run on the victim's site" "ran as victim" "$(page victim.example /ran.php)"
check "and leaves its file there" in_lab test -e /home/victim/tmp/ran

# Names that are the victim's.
before=$(in_lab genesisctl get accounts -o json | grep -v -e _at -e since -e next_attempt)
claim() { printf 'kind: account\nname: %s\nsites: [{domain: %s, aliases: [%s]}]\n' "$1" "$2" "$3" | in_lab_sh 'cat >/root/claim.yaml; genesisctl apply -f /root/claim.yaml'; }
for domain in victim.example VICTIM.example "victim.example."; do check_not "the domain $domain is not given to a second account" claim thief "$domain" ""; done
check_not "nor as an alias" claim thief thief.example victim.example
check_not "nor by a wildcard" claim thief thief.example '"*.victim.example"'
check_not "nor by a change of an account that is there" claim mallory mallory.example victim.example
check_has "the refusal has the field and says why" "sites[0].aliases[0]: victim.example is used by another account" "$(claim thief thief.example victim.example 2>&1 || true)"
check_is "nothing was stored" "$before" "$(in_lab genesisctl get accounts -o json | grep -v -e _at -e since -e next_attempt)"
check_has "the victim still answers" "as victim" "$(page victim.example /)"
check_is "nothing differs" "no drift" "$(in_lab genesisctl drift)"

# Removal meets links too: what Genesis takes away is the tenant's own.
elsewhere() { outside | grep -vE '/etc/(passwd|shadow|group|gshadow|subuid|subgid|\.pwd\.lock|systemd/system)|^/etc d '; }
tenant "cd sites && mv mallory.example ../away && ln -s /home/victim mallory.example"
before=$(elsewhere)
in_lab_sh 'printf "kind: account\nname: mallory\n" >/tmp/bare.yaml; genesisctl apply -f /tmp/bare.yaml' >/dev/null
full_pass
in_lab genesisctl reconcile --all --confirm-removals >/dev/null
full_pass
check "a site's directory that is a link into the victim's home is not followed when the site goes" unchanged elsewhere
tenant "rm -rf sites tmp; ln -s /etc sites; ln -s /home/victim tmp; ln -s /root .ssh/root; mkdir shut && touch shut/f \$'new\nline' && chmod 000 shut
    d=\$(printf '%0200d' 0); for i in 1 2 3 4 5 6 7 8; do mkdir -p \$d/\$d/\$d && cd \$d/\$d/\$d; done; ln -s / up"
in_lab genesisctl reconcile account/mallory >/dev/null
check "a purge of a home full of links, closed doors and a path of 4800 bytes comes to its end" in_lab genesisctl delete account/mallory --purge --wait --timeout 300s
check "nothing outside of that home is touched" unchanged elsewhere
check_not "and the home is gone" in_lab test -e "$home"
check_not "like the user" in_lab id mallory
check_is "the victim still answers" "ran as victim" "$(page victim.example /ran.php)"
finish
