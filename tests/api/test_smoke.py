from tests.client import ApiClient


async def test_a_user_is_made_and_read(api: ApiClient) -> None:
    made = await api.post("/v1/demo/users", {"username": "anna", "first_name": "Anna"})
    assert made.status == 201
    read = await api.get("/v1/demo/users/anna")
    assert read.json == made.json
    page = await api.get("/v1/demo/users?presence=true&filter=presence_status:in:1;3&sort=-last_login_at")
    assert page.json["total_count"] == 0
