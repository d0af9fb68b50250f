"""The production shape, run: every service of docker-compose.yml as a local process, against a real PostgreSQL (and Redis)."""
