"""What the tests of the admin ask for: the text of a page, as a superuser gets it."""

import pytest


@pytest.fixture
def get(admin_client):
    def text(url):
        response = admin_client.get(url)
        assert response.status_code == 200, response.headers.get("Location")
        return response.content.decode()

    return text
