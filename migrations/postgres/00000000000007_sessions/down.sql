DROP TABLE login_failures;
DROP TABLE session_uses;
DROP TABLE session_tokens;
DROP TABLE sessions;
DROP TABLE users;
DROP FUNCTION count_access_loss;
