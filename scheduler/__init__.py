"""What surrounds the DAGs: their shared defaults, the order of their assets, and what starts Airflow.

Outside dags/, because Airflow imports everything there as DAG files, again and again.
"""
