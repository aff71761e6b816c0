-- For SQLite alone; on PostgreSQL these words are left to the domain (lean_writes).
SELECT 1;
