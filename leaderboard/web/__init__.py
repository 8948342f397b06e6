"""What stands between HTTP and the views: middleware, authentication, errors, headers, events."""
