{{ ended_by_absence('posts', ['platform', 'post_id']) }}
