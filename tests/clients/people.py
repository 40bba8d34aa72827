"""Users as the clients of the panel name their fields."""

ANNA = {"username": "anna", "email": "anna@example.com", "first_name": "Anna", "last_name": "Ray"}
BEN = {"username": "ben", "email": "ben@example.org", "first_name": "Ben", "last_name": "Ode"}
EVE = {"username": "eve_b", "email": "eve@example.com", "first_name": "Eve", "last_name": "Ray"}
