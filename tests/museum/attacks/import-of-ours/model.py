import challenge.scoring.season

print(challenge.scoring.season)
