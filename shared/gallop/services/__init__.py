"""Operations on jobs, which doors and steps share."""
