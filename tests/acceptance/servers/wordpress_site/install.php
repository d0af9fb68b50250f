<?php
// Sets up one WordPress site in its empty database and prints the first application password as JSON.
//
// settings (JSON in argv[1]) -> wp_install + options -> {"version", "admin_password"} on standard output
//
// Run alone: php install.php '{"site": "…", "host": "127.0.0.1:8080", "title": "…", "admin_user": "…"}'
define('WP_INSTALLING', true);
$settings = json_decode($argv[1], true, 512, JSON_THROW_ON_ERROR);
$_SERVER['HTTP_HOST'] = $settings['host'];
$_SERVER['REQUEST_METHOD'] = 'GET';
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
require $settings['site'] . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';

ob_start();
$installed = wp_install(
    $settings['title'],
    $settings['admin_user'],
    $settings['admin_user'] . '@example.test',
    true,
    '',
    bin2hex(random_bytes(12))
);
ob_end_clean();

global $wp_rewrite;
$wp_rewrite->set_permalink_structure('/%postname%/');
$wp_rewrite->flush_rules(false);
// A site on which a stranger may answer with a name alone, at once, as many small sites allow.
update_option('require_name_email', 0);
update_option('comment_moderation', 0);
update_option('comment_previously_approved', 0);
update_option('thread_comments', 1);
update_option('thread_comments_depth', 10);
update_option('close_comments_for_old_posts', 0);
update_option('timezone_string', $settings['timezone']);
// WordPress greets a new site with a post, a page and a comment that nobody in the story wrote.
foreach (get_posts(['numberposts' => -1, 'post_type' => ['post', 'page'], 'post_status' => 'any']) as $greeting) {
    wp_delete_post($greeting->ID, true);
}
[$password] = WP_Application_Passwords::create_new_application_password(
    $installed['user_id'],
    ['name' => 'teller of the story']
);
echo json_encode([
    'version' => get_bloginfo('version'),
    'admin_id' => $installed['user_id'],
    'admin_password' => $password,
]);
