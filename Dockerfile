# Airflow with Fifty and its pinned dependencies. The tag names its Python; the bare one moves.
FROM apache/airflow:3.3.2-python3.12

USER root
RUN install -d -o airflow -g root -m 0775 /opt/fifty /opt/fifty/data /opt/fifty/published
USER airflow

WORKDIR /opt/fifty
# Over the image's own packages, which bring the PostgreSQL drivers; `pip check` refuses an image whose parts disagree.
COPY --chown=airflow:root requirements.lock ./
RUN pip install --no-cache-dir --quiet --require-hashes -r requirements.lock \
    && pip check
COPY --chown=airflow:root pyproject.toml README.md LICENSE ./
COPY --chown=airflow:root fifty ./fifty
COPY --chown=airflow:root scheduler ./scheduler
COPY --chown=airflow:root dbt_project ./dbt_project
COPY --chown=airflow:root expectations ./expectations
COPY --chown=airflow:root dags ./dags
RUN pip install --no-cache-dir --quiet --no-deps --no-build-isolation -e . \
    && fifty --version

ENV AIRFLOW__CORE__DAGS_FOLDER=/opt/fifty/dags \
    FIFTY_DATA=/opt/fifty/data \
    FIFTY_CONFIG=/opt/fifty/config/fifty.yml \
    FIFTY_SECRETS=/run/fifty-secrets \
    GX_ANALYTICS_ENABLED=false \
    DO_NOT_TRACK=1
