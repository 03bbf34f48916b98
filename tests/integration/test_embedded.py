from django.db import connection
import pytest
@pytest.mark.django_db
def test_it():
    with connection.cursor() as c:
        c.execute("show fsync"); assert c.fetchone()==("off",)

def test_url(v3_url, v2_path):
    import psycopg
    print(v3_url)
    psycopg.connect(v3_url).close()
