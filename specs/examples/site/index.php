<?php
// The demo page of reconciler/quickstart: who runs it, in which PHP, and what its database answers.
header('Content-Type: text/plain; charset=utf-8');

$user = posix_getpwuid(posix_geteuid());
printf("Hello from %s\n\n", $_SERVER['SERVER_NAME'] ?? gethostname());
printf("PHP        %s (%s)\n", PHP_VERSION, PHP_SAPI);
printf("runs as    %s (uid %d)\n", $user['name'], $user['uid']);
printf("file of    %s\n", get_current_user());
printf("home       %s\n", $user['dir']);
printf("neighbours %s\n", implode(' ', array_diff(@scandir('/home') ?: [], ['.', '..'])) ?: 'none to be seen');

// ~/demo.ini (mode 0600): name, user and password of one of the account's databases.
$settings = @parse_ini_file($user['dir'] . '/demo.ini', false, INI_SCANNER_RAW);
if (!$settings) {
    echo "database   no ~/demo.ini\n";
    exit;
}
try {
    mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
    $database = new mysqli('localhost', $settings['user'], $settings['password'], $settings['name']);
    $row = $database->query('SELECT CURRENT_USER(), DATABASE(), VERSION(), 6 * 7')->fetch_row();
    printf("database   %s on %s, MariaDB %s; 6 * 7 = %d\n", $row[0], $row[1], $row[2], $row[3]);
} catch (mysqli_sql_exception $problem) {
    http_response_code(500);
    printf("database   %s\n", $problem->getMessage());
}
