"""What a database holds, by object and fact, in words that every major agrees on."""
