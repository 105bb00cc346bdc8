<?php
// steady.php HOST PATH UNTIL: begins a GET of http://HOST/PATH on 127.0.0.1 each 20 ms, whatever becomes of the ones before,
// until the file UNTIL is there. Prints a line each: the status (000: no whole answer within a minute), the seconds it took
// and the body; at the end "began N in SECONDS".
[, $host, $path, $until] = $argv;
$every = 0.02;
$begin = $due = microtime(true);
$open = $since = $text = [];
$count = 0;
$end = static function (int $id) use (&$open, &$since, &$text): void {
    $whole = preg_match('~^HTTP/1\.\d (\d{3}).*?\r\n\r\n(.*)$~s', $text[$id], $found) === 1;
    printf("%s %.3f %s\n", $whole ? $found[1] : '000', microtime(true) - $since[$id], $whole ? trim($found[2]) : '');
    fclose($open[$id]);
    unset($open[$id], $since[$id], $text[$id]);
};
for ($ending = false; !$ending || $open !== []; ) {
    clearstatcache();
    if (!$ending && ($ending = file_exists($until))) $took = microtime(true) - $begin;
    for (; !$ending && $due <= microtime(true) && count($open) < 500; $due += $every, ++$count) {
        $since[$count] = microtime(true);
        $socket = @stream_socket_client('tcp://127.0.0.1:80', $code, $why, 60);
        if ($socket === false) {
            echo "000 0 $why\n";
            continue;
        }
        fwrite($socket, "GET $path HTTP/1.0\r\nHost: $host\r\n\r\n");
        stream_set_blocking($socket, false);
        [$open[$count], $text[$count]] = [$socket, ''];
    }
    $readable = $open;
    [$none, $wait] = [null, max(1000, (int) (1e6 * min($every, $due - microtime(true))))];
    if ($readable === []) usleep($wait);
    elseif (!stream_select($readable, $none, $none, 0, $wait)) $readable = [];
    foreach ($open as $id => $socket) {
        if (in_array($socket, $readable, true)) $text[$id] .= fread($socket, 65536);
        if (feof($socket) || microtime(true) - $since[$id] > 60) $end($id);
    }
}
printf("began %d in %.1f\n", $count, $took);
