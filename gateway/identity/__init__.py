"""Who is calling: user tokens (JWT) and admin keys."""
