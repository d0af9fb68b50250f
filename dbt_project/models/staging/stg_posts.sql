-- Kept when a newer row leaves them out: structure and author do not change with an edit, and some streams leave them out.
{{ newest_rows(
    'posts',
    key=['platform', 'post_id'],
    columns=['post_id', 'author_account_id', 'kind', 'parent_post_id', 'root_post_id', 'subject_post_id', 'text', 'language', 'url', 'media_type', 'hashtags', 'link_urls', 'mentioned_account_ids', 'client_name', 'is_automated', 'responder_id', 'created_at', 'edited_at', 'deleted_at', 'attributes'],
    keep_known=['author_account_id', 'parent_post_id', 'root_post_id', 'subject_post_id', 'url', 'created_at', 'responder_id'],
    is_kept_up=true,
) }}
