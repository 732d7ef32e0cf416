#!/usr/bin/perl
# Prints, for each file, the results of its signatures as Mail::DKIM has them.
use strict;
use warnings;
use Mail::DKIM::Verifier;

for my $path (@ARGV) {
    open(my $file, '<:raw', $path) or die "$path: $!";
    local $/ = undef;
    my $text = <$file>;
    my $verifier = Mail::DKIM::Verifier->new();
    $verifier->PRINT($text);
    $verifier->CLOSE();
    print join(' ', map { $_->result() } $verifier->signatures()), "\n";
}
