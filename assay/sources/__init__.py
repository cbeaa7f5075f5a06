"""Sources: what comes from outside (fetched models and questions, files of users and of other tools) and goes there."""
