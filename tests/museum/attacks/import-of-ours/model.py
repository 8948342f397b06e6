import challenge.season

print(challenge.season)
