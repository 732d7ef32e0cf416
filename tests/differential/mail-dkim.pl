# Mail::DKIM as a program: messages in, a word for each out.  See dkimpy.py.
use strict;
use warnings;
use JSON::PP;
use Mail::DKIM::DNS;
use Mail::DKIM::Verifier;

package Record;
sub new { my ($class, $text) = @_; return bless { text => $text }, $class; }
sub type { return 'TXT'; }
sub txtdata { my ($self) = @_; return ($self->{text}); }

package main;

binmode STDIN;
my $zone = JSON::PP->new->latin1->decode(scalar <STDIN>);
{
    no warnings 'redefine';
    *Mail::DKIM::DNS::query = sub {
        my ($name, $type) = @_;
        my $text = $zone->{ lc $name };
        $@ = defined $text ? 'NOERROR' : 'NXDOMAIN';
        return defined $text ? (Record->new($text)) : ();
    };
}

while (defined(my $size = <STDIN>)) {
    chomp $size;
    my $message = '';
    read(STDIN, $message, $size) == $size or die "short read\n";
    my $answer = eval {
        my $dkim = Mail::DKIM::Verifier->new;
        $dkim->PRINT($message);
        $dkim->CLOSE;
        my ($first) = $dkim->signatures;
        my $detail = $first ? $first->result_detail : 'none';
        ($first && $first->result eq 'pass') ? 'pass' : "no $detail";
    };
    $answer = "no died: $@" unless defined $answer;
    $answer =~ s/\s+/ /g;
    print "$answer\n";
}
