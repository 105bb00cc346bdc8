<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>@DOMAIN@</title>
<style>body{font:1.1rem/1.6 system-ui,sans-serif;max-width:38rem;margin:18vh auto 0;padding:0 1.5rem;color:#222}
h1{font-size:1.8rem}code{background:#f0f0f0;padding:.1em .3em}footer{color:#666;font-size:.9rem}</style>
<h1>@DOMAIN@ is ready</h1>
<p>Replace this page with your own: upload to <code>sites/@DOMAIN@</code>.</p>
<footer>PHP <?= htmlspecialchars(PHP_VERSION) ?> as <?php
$user = function_exists('posix_geteuid') ? posix_getpwuid(posix_geteuid()) : false;
echo htmlspecialchars($user ? $user['name'] : get_current_user());
?></footer>
</html>
