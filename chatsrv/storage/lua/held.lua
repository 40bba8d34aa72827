-- Returns 1 as long as offline changes are held.
return held_until > now and 1 or 0
